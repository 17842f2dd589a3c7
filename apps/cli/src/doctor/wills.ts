import { userProperty } from '@shoal/protocol';
import type { Check } from '../shapes/doctor.ts';
import { check, Listener, type Patient } from './patient.ts';

const WHY = 'deaths would not be noticed, or be told wrong: use a broker with all of MQTT 5';

/** A will comes when its connection is lost, retained, with its user properties. */
export async function will(patient: Patient): Promise<Check> {
  const title = 'wills with user properties';
  const topic = patient.topic('will');
  patient.leaves(topic);
  const heard = new Listener();
  await patient.link.subscribe(topic, heard.take, { retainAsPublished: true });
  const dying = await patient.open({
    will: { topic, payload: 'lost', retain: true, userProperties: { 'a2a-status': 'offline' } },
  });
  dying.destroy();
  const came = await heard.find((message) => message.text() === 'lost', patient.timeoutMs);
  if (came === undefined)
    return check('will', title, 'error', 'no will came when a connection was lost', WHY);
  if (userProperty(came.userProperties, 'a2a-status') !== 'offline')
    return check('will', title, 'error', 'the will came without its user properties', WHY);
  if (!came.retain) return check('will', title, 'error', 'the will was not retained', WHY);
  return check('will', title, 'ok', 'a will came, retained, with its user properties');
}

const DELAY_SECONDS = 2;
/** Clocks of two machines, and a timer that ticks by the second. */
const SLACK_MS = 1_100;

export async function willDelay(patient: Patient): Promise<Check> {
  const title = 'will delay';
  const topic = patient.topic('will-delay');
  const heard = new Listener();
  await patient.link.subscribe(topic, heard.take);
  const dying = await patient.open({
    sessionExpirySeconds: 60,
    will: { topic, payload: 'lost', delaySeconds: DELAY_SECONDS },
  });
  const lostAt = performance.now();
  dying.destroy();
  const came = await heard.find(() => true, DELAY_SECONDS * 1000 + patient.timeoutMs);
  const afterMs = performance.now() - lostAt;
  if (came === undefined) return check('will-delay', title, 'error', 'a delayed will never came', WHY);
  if (afterMs < DELAY_SECONDS * 1000 - SLACK_MS)
    return check(
      'will-delay',
      title,
      'warn',
      `a will that should wait ${DELAY_SECONDS} s came after ${Math.round(afterMs)} ms`,
      'a short loss of connection is told as a death: use a broker with all of MQTT 5',
    );
  return check('will-delay', title, 'ok', `a will waited for its ${DELAY_SECONDS} s`);
}
