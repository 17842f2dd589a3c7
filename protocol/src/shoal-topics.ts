/** The `shoal/v1` tree: records of sessions, agents and devices. */
import { assertAgentId, assertIdentifier, isIdentifier } from './identifiers.ts';
import type { AgentAddress, PoolAddress } from './topics.ts';

export interface SessionAddress {
  readonly org: string;
  readonly unit: string;
  readonly sessionId: string;
}

export interface DeviceAddress {
  readonly org: string;
  readonly unit: string;
  readonly deviceId: string;
}

export interface StepTopics {
  readonly attempt: string;
  readonly status: string;
  readonly intent: string;
  readonly result: string;
  /** The pinned items of a fan-out. */
  readonly items: string;
  /** That an approval is open. */
  readonly approval: string;
  /** The word on it. */
  readonly decision: string;
}

export interface SessionTopics {
  /** The plan: `…/session/{sessionId}`. */
  readonly session: string;
  /** Cancel. */
  readonly control: string;
  /** Pause and resume. */
  readonly pause: string;
  readonly purge: string;
  /** More time. */
  readonly extend: string;
  readonly outcome: string;
  /** The supervisors' claim to the first attempts of several steps. */
  readonly claim: string;
  /** Filter of all caller records. */
  readonly callers: string;
  /** Filter of the session and everything below it (`…/#` matches its parent level too). */
  readonly all: string;
  /** `hash` is of response topic and correlation data: the same caller has one record. */
  caller(hash: string): string;
  step(stepId: string): StepTopics;
}

export interface AgentTopics {
  readonly desired: string;
  readonly state: string;
  /** The supervisors' claim to spawn this agent. */
  readonly attempt: string;
  /** Filter of everything below the agent. */
  readonly all: string;
  /** A retained A2A task of this agent as responder. */
  task(taskId: string): string;
  /** What a reasoner decided. */
  reasoning(reasoningId: string): string;
}

export interface HostTopics {
  /** Retained: what the host has and what runs on it; also its Will. */
  readonly record: string;
  /** Orders to this host alone. Not retained. */
  readonly order: string;
  /** What became of orders. Not retained. */
  readonly event: string;
}

export interface DeviceTopics {
  readonly telemetry: string;
  /** Filter of the approvals of tool calls. */
  readonly approvals: string;
  readonly all: string;
  /** Telemetry of one channel alone. */
  channel(name: string): string;
  approval(approvalId: string): string;
  /** Filter of all commands and what became of them. */
  readonly commands: string;
  command(commandId: string): DeviceCommandTopics;
}

export interface DeviceCommandTopics {
  /** What the device is to do: written once, by whoever wants it. */
  readonly command: string;
  /** That it is no longer wanted. */
  readonly cancel: string;
  /** Where it stands: the device's word alone. */
  readonly status: string;
}

/** A day (of an agent; of the fleet, when all its agents are added up), or one session. */
export type UsageScope = 'day' | 'session';

export type StepRecordKind = keyof StepTopics;

export type DeviceCommandKind = 'device-command' | 'device-command-cancel' | 'device-command-status';

interface InUnit {
  readonly org: string;
  readonly unit: string;
}

export type ShoalTopic = InUnit &
  (
    | {
        readonly kind: 'session' | 'claim' | 'control' | 'pause' | 'purge' | 'extend' | 'outcome';
        readonly sessionId: string;
      }
    | { readonly kind: 'caller'; readonly sessionId: string; readonly hash: string }
    | {
        readonly kind: StepRecordKind;
        readonly sessionId: string;
        readonly stepId: string;
      }
    | { readonly kind: 'desired' | 'state' | 'agent-attempt'; readonly agentId: string }
    | { readonly kind: 'task'; readonly agentId: string; readonly taskId: string }
    | { readonly kind: 'reasoning'; readonly agentId: string; readonly reasoningId: string }
    | {
        readonly kind: 'usage';
        readonly scope: UsageScope;
        readonly scopeId: string;
        readonly agentId: string;
      }
    | {
        readonly kind: 'trigger';
        readonly workflowId: string;
        readonly triggerId: string;
        readonly hash: string;
      }
    | { readonly kind: 'canary' | 'spawn' }
    | { readonly kind: 'writer'; readonly writerId: string }
    | { readonly kind: 'host' | 'host-order' | 'host-event'; readonly hostId: string }
    | { readonly kind: 'telemetry'; readonly deviceId: string; readonly channel?: string }
    | { readonly kind: 'tool-approval'; readonly deviceId: string; readonly approvalId: string }
    | { readonly kind: DeviceCommandKind; readonly deviceId: string; readonly commandId: string }
  );

const root = 'shoal/v1';

function unitPath({ org, unit }: InUnit): string {
  assertIdentifier('org', org);
  assertIdentifier('unit', unit);
  return `${root}/${org}/${unit}`;
}

/** Topics and filters below `shoal/v1/{org}/{unit}/session/{sessionId}`. Throws ProtocolError `invalid-identifier`. */
export function sessionTopics(session: SessionAddress): SessionTopics {
  assertIdentifier('sessionId', session.sessionId);
  return new TopicsOfSession(`${unitPath(session)}/session/${session.sessionId}`);
}

/** Made for one topic, mostly: each is put together when it is asked for. */
class TopicsOfSession implements SessionTopics {
  readonly session: string;

  constructor(session: string) {
    this.session = session;
  }

  get control(): string {
    return `${this.session}/control`;
  }

  get pause(): string {
    return `${this.session}/control/pause`;
  }

  get purge(): string {
    return `${this.session}/control/purge`;
  }

  get extend(): string {
    return `${this.session}/control/extend`;
  }

  get outcome(): string {
    return `${this.session}/outcome`;
  }

  get claim(): string {
    return `${this.session}/claim`;
  }

  get callers(): string {
    return `${this.session}/caller/+`;
  }

  get all(): string {
    return `${this.session}/#`;
  }

  caller(hash: string): string {
    assertIdentifier('hash', hash);
    return `${this.session}/caller/${hash}`;
  }

  step(stepId: string): StepTopics {
    assertIdentifier('stepId', stepId);
    return new TopicsOfStep(`${this.session}/step/${stepId}`);
  }
}

class TopicsOfStep implements StepTopics {
  readonly #step: string;

  constructor(step: string) {
    this.#step = step;
  }

  get attempt(): string {
    return `${this.#step}/attempt`;
  }

  get status(): string {
    return `${this.#step}/status`;
  }

  get intent(): string {
    return `${this.#step}/intent`;
  }

  get result(): string {
    return `${this.#step}/result`;
  }

  get items(): string {
    return `${this.#step}/items`;
  }

  get approval(): string {
    return `${this.#step}/approval`;
  }

  get decision(): string {
    return `${this.#step}/decision`;
  }
}

/** Topics and filters below `shoal/v1/{org}/{unit}/agent/{agentId}`. Throws ProtocolError `invalid-identifier`. */
export function agentTopics(agent: AgentAddress): AgentTopics {
  assertAgentId('agentId', agent.agentId);
  const base = `${unitPath(agent)}/agent/${agent.agentId}`;
  return {
    desired: `${base}/desired`,
    state: `${base}/state`,
    attempt: `${base}/attempt`,
    all: `${base}/#`,
    task(taskId) {
      assertIdentifier('taskId', taskId);
      return `${base}/task/${taskId}`;
    },
    reasoning(reasoningId) {
      assertIdentifier('reasoningId', reasoningId);
      return `${base}/reasoning/${reasoningId}`;
    },
  };
}

/** Tells what the broker keeps over a restart. */
export function canaryTopic(where: InUnit): string {
  return `${unitPath(where)}/broker/canary`;
}

/** Topics below `shoal/v1/{org}/{unit}/host/{hostId}`. Throws ProtocolError `invalid-identifier`. */
export function hostTopics(host: {
  readonly org: string;
  readonly unit: string;
  readonly hostId: string;
}): HostTopics {
  assertIdentifier('hostId', host.hostId);
  const record = `${unitPath(host)}/host/${host.hostId}`;
  return { record, order: `${record}/order`, event: `${record}/event` };
}

/** Orders that any host of the unit may take; hosts share one subscription. Not retained. */
export function spawnTopic(where: InUnit): string {
  return `${unitPath(where)}/spawn`;
}

/** The record of a trigger for one key: `…/trigger/{workflowId}/{triggerId}/{hash}`. */
export function triggerTopic(
  where: InUnit & { readonly workflowId: string; readonly triggerId: string; readonly hash: string },
): string {
  for (const field of ['workflowId', 'triggerId', 'hash'] as const) assertIdentifier(field, where[field]);
  return `${unitPath(where)}/trigger/${where.workflowId}/${where.triggerId}/${where.hash}`;
}

/** The Will of a connection that instances of one process share. */
export function writerTopic(where: InUnit & { readonly writerId: string }): string {
  assertIdentifier('writerId', where.writerId);
  return `${unitPath(where)}/writer/${where.writerId}`;
}

/** What agents used of a budget: `…/usage/{scope}/{scopeId}/{agentId}`; without an agent, the filter of all. */
export function usageTopic(
  where: InUnit & { readonly scope: UsageScope; readonly scopeId: string; readonly agentId?: string },
): string {
  assertIdentifier('scopeId', where.scopeId);
  if (where.agentId !== undefined) assertAgentId('agentId', where.agentId);
  return `${unitPath(where)}/usage/${where.scope}/${where.scopeId}/${where.agentId ?? '+'}`;
}

/** Topics and filters below `shoal/v1/{org}/{unit}/device/{deviceId}`. Throws ProtocolError `invalid-identifier`. */
export function deviceTopics(device: DeviceAddress): DeviceTopics {
  assertIdentifier('deviceId', device.deviceId);
  const base = `${unitPath(device)}/device/${device.deviceId}`;
  return {
    telemetry: `${base}/telemetry`,
    approvals: `${base}/approval/+`,
    commands: `${base}/command/#`,
    all: `${base}/#`,
    command(commandId) {
      assertIdentifier('commandId', commandId);
      const command = `${base}/command/${commandId}`;
      return { command, cancel: `${command}/cancel`, status: `${command}/status` };
    },
    channel(name) {
      assertIdentifier('channel', name);
      return `${base}/telemetry/${name}`;
    },
    approval(approvalId) {
      assertIdentifier('approvalId', approvalId);
      return `${base}/approval/${approvalId}`;
    },
  };
}

/** Where the members of a pool agree who takes a request, on brokers without shared subscriptions. Not retained. */
export function poolClaimTopic(pool: PoolAddress): string {
  assertIdentifier('poolId', pool.poolId);
  return `${unitPath(pool)}/pool/${pool.poolId}/claim`;
}

/** Filter of a whole tree in one unit, one org or everywhere. */
export function treeFilter(
  tree: 'session' | 'agent' | 'device' | 'trigger' | 'host' | 'writer',
  where: Partial<InUnit> = {},
): string {
  if (where.org !== undefined) assertIdentifier('org', where.org);
  if (where.unit !== undefined) assertIdentifier('unit', where.unit);
  return `${root}/${where.org ?? '+'}/${where.unit ?? '+'}/${tree}/#`;
}

/** Undefined for a topic that is not of this tree or whose ids are not identifiers. */
export function parseShoalTopic(topic: string): ShoalTopic | undefined {
  const [tree, version, org, unit, family, ...levels] = topic.split('/');
  if (tree !== 'shoal' || version !== 'v1' || !levels.every(isIdentifier)) return undefined;
  if (!isIdentifier(org) || !isIdentifier(unit)) return undefined;
  const inUnit = { org, unit };
  if (family === 'session') return parseSession(inUnit, levels);
  if (family === 'agent') return parseAgent(inUnit, levels);
  if (family === 'device') return parseDevice(inUnit, levels);
  if (family === 'broker' && levels.length === 1 && levels[0] === 'canary')
    return { ...inUnit, kind: 'canary' };
  if (family === 'trigger') return parseTrigger(inUnit, levels);
  if (family === 'usage') return parseUsage(inUnit, levels);
  if (family === 'host') return parseHost(inUnit, levels);
  if (family === 'writer' && levels.length === 1) return { ...inUnit, kind: 'writer', writerId: levels[0]! };
  if (family === 'spawn' && levels.length === 0) return { ...inUnit, kind: 'spawn' };
  return undefined;
}

/** Each record of a session comes through here: written out, for a spread costs as much as all the rest. */
function parseSession({ org, unit }: InUnit, levels: readonly string[]): ShoalTopic | undefined {
  const [sessionId, word, id, record] = levels;
  if (sessionId === undefined) return undefined;
  if (levels.length === 1) return { org, unit, kind: 'session', sessionId };
  if (levels.length === 2 && (word === 'claim' || word === 'control' || word === 'outcome'))
    return { org, unit, kind: word, sessionId };
  if (levels.length === 3 && word === 'control' && (id === 'pause' || id === 'purge' || id === 'extend'))
    return { org, unit, kind: id, sessionId };
  if (levels.length === 3 && word === 'caller' && id !== undefined)
    return { org, unit, kind: 'caller', sessionId, hash: id };
  if (levels.length !== 4 || word !== 'step' || id === undefined || !isStepRecord(record)) return undefined;
  return { org, unit, kind: record, sessionId, stepId: id };
}

const STEP_RECORDS: ReadonlySet<string | undefined> = new Set<StepRecordKind>([
  'attempt',
  'status',
  'intent',
  'result',
  'items',
  'approval',
  'decision',
]);

function isStepRecord(word: string | undefined): word is StepRecordKind {
  return STEP_RECORDS.has(word);
}

function parseAgent(inUnit: InUnit, levels: readonly string[]): ShoalTopic | undefined {
  const [agentId, word, taskId] = levels;
  if (agentId === undefined || agentId === 'pool') return undefined;
  if (levels.length === 2 && (word === 'desired' || word === 'state'))
    return { ...inUnit, kind: word, agentId };
  if (levels.length === 2 && word === 'attempt') return { ...inUnit, kind: 'agent-attempt', agentId };
  if (levels.length === 3 && word === 'task' && taskId !== undefined)
    return { ...inUnit, kind: 'task', agentId, taskId };
  if (levels.length === 3 && word === 'reasoning' && taskId !== undefined)
    return { ...inUnit, kind: 'reasoning', agentId, reasoningId: taskId };
  return undefined;
}

function parseUsage(inUnit: InUnit, levels: readonly string[]): ShoalTopic | undefined {
  const [scope, scopeId, agentId] = levels;
  if ((scope !== 'day' && scope !== 'session') || scopeId === undefined) return undefined;
  if (agentId === undefined || levels.length > 3) return undefined;
  return { ...inUnit, kind: 'usage', scope, scopeId, agentId };
}

function parseTrigger(inUnit: InUnit, levels: readonly string[]): ShoalTopic | undefined {
  const [workflowId, triggerId, hash] = levels;
  if (workflowId === undefined || triggerId === undefined || hash === undefined || levels.length > 3)
    return undefined;
  return { ...inUnit, kind: 'trigger', workflowId, triggerId, hash };
}

function parseHost(inUnit: InUnit, levels: readonly string[]): ShoalTopic | undefined {
  const [hostId, word] = levels;
  if (hostId === undefined || levels.length > 2) return undefined;
  if (word === undefined) return { ...inUnit, kind: 'host', hostId };
  return word === 'order' || word === 'event' ? { ...inUnit, kind: `host-${word}`, hostId } : undefined;
}

function parseDevice(inUnit: InUnit, levels: readonly string[]): ShoalTopic | undefined {
  const [deviceId, word, channel, record] = levels;
  if (deviceId !== undefined && word === 'command' && channel !== undefined && levels.length <= 4) {
    const about = { ...inUnit, deviceId, commandId: channel };
    if (record === undefined) return { ...about, kind: 'device-command' };
    return record === 'cancel' || record === 'status'
      ? { ...about, kind: `device-command-${record}` }
      : undefined;
  }
  if (deviceId !== undefined && word === 'approval' && channel !== undefined && levels.length === 3)
    return { ...inUnit, kind: 'tool-approval', deviceId, approvalId: channel };
  if (deviceId === undefined || word !== 'telemetry' || levels.length > 3) return undefined;
  return { ...inUnit, kind: 'telemetry', deviceId, ...(channel === undefined ? {} : { channel }) };
}
