import { canShare, readRetained } from '@shoal/mqtt-link';
import { setTimeout as delay } from 'node:timers/promises';
import type { Check } from '../shapes/doctor.ts';
import { check, Listener, type Patient } from './patient.ts';

const MQTT5 = 'use a broker with all of MQTT 5: the embedded one, EMQX 5 or later, Mosquitto 2, HiveMQ';

export function announced({ link }: Patient): Check {
  const { maximumQos = 2, retainAvailable = true, receiveMaximum, maximumPacketSize } = link.broker ?? {};
  const missing = [
    ...(maximumQos < 1 ? ['QoS 1'] : []),
    ...(retainAvailable ? [] : ['retained messages']),
    ...(link.broker?.wildcardSubscriptionAvailable === false ? ['wildcards'] : []),
  ];
  const title = 'what the broker announces';
  if (missing.length > 0)
    return check(
      'announced',
      title,
      'error',
      `it offers no ${missing.join(', no ')}`,
      `switch it on, or ${MQTT5}`,
    );
  const size =
    maximumPacketSize === undefined ? 'any packet size' : `packets up to ${maximumPacketSize} bytes`;
  return check('announced', title, 'ok', `QoS ${maximumQos}, ${size}, ${receiveMaximum ?? 65_535} in flight`);
}

export async function retained(patient: Patient): Promise<Check> {
  const title = 'retained messages';
  const topic = patient.topic('retained');
  patient.leaves(topic);
  await patient.link.publish(topic, 'kept', { retain: true });
  const found = await readRetained(patient.link, topic, { settleMs: 200, timeoutMs: patient.timeoutMs });
  if (found.get(topic)?.text() === 'kept')
    return check('retained', title, 'ok', 'a retained message came back');
  return check(
    'retained',
    title,
    'error',
    'a retained message was taken and not kept',
    'switch the retainer on: Shoal keeps all state in it',
  );
}

/** Long enough to be read while it is good, short enough to wait for. */
const EXPIRY_SECONDS = 2;
const EXPIRY_PATIENCE_MS = 9_000;

export async function messageExpiry(patient: Patient): Promise<Check> {
  const title = 'message expiry';
  const fix = `finished sessions would never vanish: ${MQTT5}`;
  const topic = patient.topic('expiry');
  patient.leaves(topic);
  const publishedAt = performance.now();
  await patient.link.publish(topic, 'passing', { retain: true, messageExpirySeconds: EXPIRY_SECONDS });
  const first = (
    await readRetained(patient.link, topic, { settleMs: 100, timeoutMs: patient.timeoutMs })
  ).get(topic);
  const remaining = first?.messageExpirySeconds;
  if (first !== undefined && remaining === undefined)
    return check('message-expiry', title, 'error', 'the interval is not handed on to subscribers', fix);
  while (performance.now() - publishedAt < EXPIRY_PATIENCE_MS) {
    await delay(500);
    const again = await readRetained(patient.link, topic, { settleMs: 100, timeoutMs: patient.timeoutMs });
    if (!again.has(topic))
      return check('message-expiry', title, 'ok', `a retained message of ${EXPIRY_SECONDS} s vanished`);
  }
  return check(
    'message-expiry',
    title,
    'error',
    `a retained message of ${EXPIRY_SECONDS} s was there ${EXPIRY_PATIENCE_MS / 1000} s later`,
    fix,
  );
}

export async function shared(patient: Patient): Promise<Check> {
  const title = 'shared subscriptions';
  if (await canShare(patient.link, patient.topic('shared')))
    return check('shared', title, 'ok', 'a shared subscription gets messages');
  return check(
    'shared',
    title,
    'warn',
    'nothing is delivered to them',
    `pools and supervisors fall back to claims, which costs messages: ${MQTT5}`,
  );
}

export async function sharedDollar(patient: Patient): Promise<Check> {
  const title = 'shared subscriptions on $-topics';
  if (await canShare(patient.link, patient.dollarTopic))
    return check('shared-dollar', title, 'ok', '$share/…/$a2a/… gets messages');
  return check(
    'shared-dollar',
    title,
    'warn',
    'they are granted, and nothing is delivered (Mosquitto before 2.0.12 does so), or they are refused',
    'every supervisor gets every request, which is safe and costs messages; a newer broker mends it',
  );
}

export async function noLocal(patient: Patient): Promise<Check> {
  const title = 'no local';
  const topic = patient.topic('no-local');
  const mine = new Listener();
  const all = new Listener();
  const other = await patient.open();
  await patient.link.subscribe(topic, mine.take, { noLocal: true });
  await other.subscribe(topic, all.take);
  await patient.link.publish(topic, 'own');
  await all.find(() => true, patient.timeoutMs);
  await other.publish(topic, 'foreign');
  await mine.find((message) => message.text() === 'foreign', patient.timeoutMs);
  if (mine.messages.some((message) => message.text() === 'own'))
    return check(
      'no-local',
      title,
      'error',
      'own messages come back in spite of it',
      `MCP over MQTT needs it: ${MQTT5}`,
    );
  return check('no-local', title, 'ok', 'own messages do not come back');
}

export async function retainHandling(patient: Patient): Promise<Check> {
  const title = 'retain handling';
  const topic = patient.topic('retain-handling');
  patient.leaves(topic);
  await patient.link.publish(topic, 'old', { retain: true });
  const other = await patient.open();
  const heard = new Listener();
  await other.subscribe(topic, heard.take, { retainHandling: 2 });
  await patient.link.publish(topic, 'new', { retain: true });
  await heard.find((message) => message.text() === 'new', patient.timeoutMs);
  if (heard.messages.some((message) => message.text() === 'old'))
    return check(
      'retain-handling',
      title,
      'warn',
      'retained messages come although they were not asked for',
      MQTT5,
    );
  return check('retain-handling', title, 'ok', 'retained messages are left out where that is asked for');
}

const USUAL_BYTES = 262_144;
const LEAST_BYTES = 65_536;

export async function packetSize(patient: Patient): Promise<Check> {
  const title = 'packet size';
  const topic = patient.topic('size');
  const limit = patient.link.broker?.maximumPacketSize ?? Infinity;
  const bytes = Math.min(USUAL_BYTES, limit - 1_024);
  if (bytes < LEAST_BYTES)
    return check(
      'packet-size',
      title,
      'error',
      `packets end at ${limit} bytes`,
      'cards, plans and artifacts need 64 KiB at least, better 1 MiB: raise the maximum packet size',
    );
  const heard = new Listener();
  await patient.link.subscribe(topic, heard.take);
  await patient.link.publish(topic, Buffer.alloc(bytes, 120));
  const came = await heard.find((message) => message.payload.length === bytes, patient.timeoutMs);
  if (came === undefined)
    return check(
      'packet-size',
      title,
      'error',
      `a message of ${bytes} bytes was taken and did not come`,
      'raise the maximum packet size and the limits of queues',
    );
  if (bytes < USUAL_BYTES)
    return check(
      'packet-size',
      title,
      'warn',
      `messages up to ${bytes} bytes pass`,
      'raise the maximum packet size to 1 MiB: requests may have 256 KiB',
    );
  return check('packet-size', title, 'ok', `a message of ${bytes} bytes passes`);
}
