import type { Neighbour } from './neighbours.ts';
import { STANDBY } from './neighbours.ts';

/** How asking a neighbour went. */
export type Reply =
  | { readonly kind: 'answered'; readonly data: unknown }
  /** `why`: no answer in time, refused, failed. */
  | { readonly kind: 'silent'; readonly why: string };

/** What is believed of a neighbour. */
export interface NeighbourAnswer {
  readonly deviceId: string;
  readonly relation: string;
  readonly answered: boolean;
  /** Percent of what it can do that is in use; null: not known, or not believed. */
  readonly loadPercent: number | null;
  /** Percent that it can take over: 0 where nothing is known. */
  readonly headroomPercent: number;
  readonly health: string;
  /** Undefined: it was taken at its word. */
  readonly assumption?: string;
}

const HEALTHY = 'healthy';
const KNOWN_HEALTH = new Set(['silent', 'learning', HEALTHY, 'anomalous', 'drifting', 'sensor-fault']);
/** Load and headroom come from one reading; a rounding apart is fine. */
const TOLERANCE_PERCENT = 2;

/** What an answer is worth. Whoever is silent, sick, or contradicts itself is counted as no help, and it is said. */
export function judgeAnswer(neighbour: Neighbour, reply: Reply): NeighbourAnswer {
  const { deviceId, relation, presence } = neighbour;
  const nothing = { deviceId, relation, loadPercent: null, headroomPercent: 0, health: 'unknown' };
  const counted = relation === STANDBY ? 'counted as having no headroom' : 'not counted on';
  if (reply.kind === 'silent') {
    const how = presence === 'asleep' ? 'is asleep and did not answer' : `did not answer (${reply.why})`;
    return { ...nothing, answered: false, assumption: `${deviceId} ${how}: ${counted}` };
  }
  const said = asFields(reply.data);
  const lie = contradiction(deviceId, neighbour.agentId, said);
  if (lie !== undefined)
    return { ...nothing, answered: true, assumption: `${deviceId} ${lie}: not believed, ${counted}` };
  const health = said['health'] as string;
  const loadPercent = typeof said['loadPercent'] === 'number' ? said['loadPercent'] : null;
  const answer = { deviceId, relation, answered: true, loadPercent, health };
  if (loadPercent === null)
    return { ...answer, headroomPercent: 0, assumption: `${deviceId} does not know its load: ${counted}` };
  if (health !== HEALTHY)
    return {
      ...answer,
      headroomPercent: 0,
      assumption: `${deviceId} is ${health}: not asked to take over load`,
    };
  return { ...answer, headroomPercent: Math.max(0, 100 - loadPercent) };
}

/** What cannot be true of it; undefined: nothing. */
function contradiction(
  deviceId: string,
  agentId: string | undefined,
  said: Readonly<Record<string, unknown>>,
): string | undefined {
  const { loadPercent, headroomPercent, health, incident } = said;
  if (said['deviceId'] !== undefined && said['deviceId'] !== deviceId)
    return `answered for ${short(said['deviceId'])}`;
  if (said['agentId'] !== undefined && said['agentId'] !== agentId)
    return `answered as ${short(said['agentId'])}`;
  if (typeof health !== 'string' || !KNOWN_HEALTH.has(health)) return `says health ${short(health)}`;
  if (loadPercent !== null && loadPercent !== undefined && !isPercent(loadPercent))
    return `says load ${short(loadPercent)} %`;
  if (headroomPercent !== null && headroomPercent !== undefined && !isPercent(headroomPercent))
    return `says headroom ${short(headroomPercent)} %`;
  if (
    isPercent(loadPercent) &&
    isPercent(headroomPercent) &&
    loadPercent + headroomPercent > 100 + TOLERANCE_PERCENT
  )
    return `says load ${loadPercent} % and headroom ${headroomPercent} %`;
  if (health === HEALTHY && asFields(incident)['kind'] === 'anomaly')
    return 'says healthy with an open incident';
  return undefined;
}

function isPercent(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= 100;
}

/** Foreign text in ours: short, on one line. */
function short(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}

function asFields(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {};
}
