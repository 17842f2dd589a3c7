import { readRetained, type InboundMessage } from '@shoal/mqtt-link';
import {
  canaryTopic,
  discoveryFilter,
  parseJson,
  parseShoalTopic,
  treeFilter,
  validateAgentCard,
  validateBrokerCanary,
} from '@shoal/protocol';
import { applyRecord, emptyView } from '@shoal/workflow';
import type { Check } from '../shapes/doctor.ts';
import { check, type Patient } from './patient.ts';

const read = (patient: Patient, filter: string): Promise<Map<string, InboundMessage>> =>
  readRetained(patient.link, filter, { settleMs: 200, timeoutMs: patient.timeoutMs });

/** Whether retained messages survive a restart: what the broker says, and what a supervisor has seen. */
export async function durability(patient: Patient): Promise<Check> {
  const title = 'retained messages survive a restart';
  const fix =
    'steps that must not act twice need it: embedded: --data DIR; Mosquitto: persistence true; EMQX: retainer with storage_type disc';
  const declared = (await read(patient, '$SYS/broker/durability')).get('$SYS/broker/durability')?.text();
  if (declared === 'none')
    return check('durability', title, 'warn', 'the broker says that it keeps them in memory', fix);
  if (declared !== undefined)
    return check(
      'durability',
      title,
      'ok',
      `the broker says that they survive ${declared === 'disk' ? 'a power cut' : 'its own death'}`,
    );
  const topic = canaryTopic(patient);
  const payload = (await read(patient, topic)).get(topic)?.payload;
  const json = payload === undefined ? undefined : parseJson(payload);
  const canary = json?.ok === true ? validateBrokerCanary(json.value) : undefined;
  if (canary?.ok !== true || canary.value.state === 'unproven')
    return check(
      'durability',
      title,
      'info',
      'the broker does not say, and no supervisor has seen a restart of it yet',
      'restart the broker once while a supervisor runs, then look again',
    );
  if (canary.value.state === 'lossy')
    return check('durability', title, 'warn', 'a supervisor saw that it lost some', fix);
  return check('durability', title, 'ok', `a supervisor saw them survive (${canary.value.at})`);
}

export async function cards(patient: Patient): Promise<Check> {
  const title = 'Agent Cards';
  const found = [...(await read(patient, discoveryFilter(patient)))].filter(
    ([, { payload }]) => payload.length > 0,
  );
  const bad = found.filter(([, { payload }]) => {
    const json = parseJson(payload);
    return !json.ok || !validateAgentCard(json.value).ok;
  });
  if (bad.length === 0) return check('cards', title, 'ok', `${found.length} cards of A2A 1.0`);
  const names = bad.slice(0, 3).map(([topic]) => topic.split('/').slice(-3).join('/'));
  return check(
    'cards',
    title,
    'warn',
    `${bad.length} of ${found.length} cannot be used: ${names.join(', ')}`,
    'see what is wrong with `shoal agents watch`, and update those agents',
  );
}

/** Clocks that differ less do no harm. */
const SKEW_MS = 5_000;

export async function records(patient: Patient, now: number): Promise<Check[]> {
  const found = await read(patient, treeFilter('session', patient));
  const views = new Map<string, ReturnType<typeof emptyView>>();
  const unreadable: string[] = [];
  let newest = 0;
  for (const [topic, { payload }] of found) {
    const at = parseShoalTopic(topic);
    if (at === undefined || !('sessionId' in at)) continue;
    const view = views.get(at.sessionId) ?? emptyView(at);
    views.set(at.sessionId, view);
    const applied = applyRecord(view, topic, payload);
    if (!applied.applied && !('repair' in applied)) unreadable.push(applied.reason);
    newest = Math.max(newest, writtenAtMs(payload));
  }
  const title = 'records of sessions';
  const first =
    unreadable.length === 0
      ? check('records', title, 'ok', `${found.size} records of ${views.size} sessions, schema version 1`)
      : check(
          'records',
          title,
          'warn',
          `${unreadable.length} of ${found.size} cannot be read: ${unreadable[0] ?? ''}`,
          'bring all supervisors, hosts and this program to one version',
        );
  return [first, clock(newest, now)];
}

function clock(newest: number, now: number): Check {
  const title = 'clocks';
  if (newest === 0)
    return check('clock', title, 'info', 'nothing on the broker tells the time of another machine');
  const aheadMs = newest - now;
  if (aheadMs > SKEW_MS)
    return check(
      'clock',
      title,
      'error',
      `a record was written ${Math.round(aheadMs / 1000)} s in the future of this machine`,
      'deadlines and expiries go by the clock: run NTP everywhere',
    );
  return check(
    'clock',
    title,
    'ok',
    'no record comes from the future; a clock that is late cannot be told from here',
  );
}

function writtenAtMs(payload: Uint8Array): number {
  const json = parseJson(payload);
  const at = json.ok
    ? ((json.value as { at?: unknown; createdAt?: unknown } | null)?.at ??
      (json.value as { createdAt?: unknown } | null)?.createdAt)
    : undefined;
  const ms = typeof at === 'string' ? Date.parse(at) : Number.NaN;
  return Number.isFinite(ms) ? ms : 0;
}
