/** Who has to publish and subscribe to what: the topics of this package, seen from the parties. Brokers' access rules are made of it. */
import {
  agentTopics,
  canaryTopic,
  deviceTopics,
  hostTopics,
  poolClaimTopic,
  sessionTopics,
  spawnTopic,
  treeFilter,
  triggerTopic,
  usageTopic,
  writerTopic,
  type ShoalTopic,
  type UsageScope,
} from './shoal-topics.ts';
import {
  discoveryFilter,
  discoveryTopic,
  eventFilter,
  poolRequestTopic,
  replyTopic,
  requestFilter,
  type A2aTopic,
} from './topics.ts';

/** Everybody that an access rule can be for; `AccessRole` says what each does. */
export const ACCESS_ROLES = [
  'device',
  'agent',
  'step',
  'supervisor',
  'host',
  'requester',
  'operator',
  'reader',
] as const;

/**
 * `device`: publishes telemetry and what became of its commands. `agent`: answers requests, has a card and records of its own. `step`: instances of workflow steps.
 * `supervisor`: sessions, workflow cards, spawning. `host`: takes orders to run agents, which have credentials of their own. `requester`: asks agents. `operator`: sees everything in its unit and steers it; a
 * person or a console. `reader`: the registry, and nothing else.
 */
export type AccessRole = (typeof ACCESS_ROLES)[number];

export interface AccessGrant {
  readonly action: 'publish' | 'subscribe';
  /** Shared subscriptions count as their filter: without `$share/{group}/`. */
  readonly filter: string;
  /** Publishes with the retain flag only, or without it only. Unset: both. */
  readonly retain?: boolean;
}

export interface AccessSubject {
  readonly org: string;
  readonly unit: string;
  /** Of the one device or agent. Unset: any of the unit, for a host that runs many. */
  readonly id?: string;
}

/** Stands for any one level where a topic function asks for an identifier. */
const ANY = '__any__';

const anyLevel = (topic: string): string => topic.replaceAll(ANY, '+');

type Kind = A2aTopic['kind'] | ShoalTopic['kind'] | 'pool-claim' | 'marker';

type Where = Required<AccessSubject>;

/** Every topic that somebody publishes, for any session, step, workflow and task. A kind that is missing does not compile. */
const TOPICS: Readonly<Record<Kind, (where: Where) => readonly string[]>> = {
  discovery: ({ org, unit, id }) => [discoveryTopic({ org, unit, agentId: id })],
  request: ({ org, unit }) => [requestFilter({ org, unit })],
  pool: ({ org, unit }) => [poolRequestTopic({ org, unit, poolId: ANY })],
  reply: ({ org, unit }) => [replyTopic({ org, unit, agentId: ANY }, ANY)],
  event: ({ org, unit, id }) => [eventFilter({ org, unit, agentId: id })],
  session: (where) => [anySession(where).session],
  control: (where) => [anySession(where).control],
  pause: (where) => [anySession(where).pause],
  purge: (where) => [anySession(where).purge],
  extend: (where) => [anySession(where).extend],
  outcome: (where) => [anySession(where).outcome],
  claim: (where) => [anySession(where).claim],
  caller: (where) => [anySession(where).caller(ANY)],
  attempt: (where) => [anySession(where).step(ANY).attempt],
  status: (where) => [anySession(where).step(ANY).status],
  intent: (where) => [anySession(where).step(ANY).intent],
  result: (where) => [anySession(where).step(ANY).result],
  items: (where) => [anySession(where).step(ANY).items],
  approval: (where) => [anySession(where).step(ANY).approval],
  decision: (where) => [anySession(where).step(ANY).decision],
  desired: (where) => [ownTopics(where).desired],
  state: (where) => [ownTopics(where).state],
  'agent-attempt': (where) => [ownTopics(where).attempt],
  task: (where) => [ownTopics(where).task(ANY)],
  reasoning: (where) => [ownTopics(where).reasoning(ANY)],
  usage: (where) => usageTopics(where, where.id),
  trigger: ({ org, unit }) => [triggerTopic({ org, unit, workflowId: ANY, triggerId: ANY, hash: ANY })],
  writer: ({ org, unit }) => [writerTopic({ org, unit, writerId: ANY })],
  canary: ({ org, unit }) => [canaryTopic({ org, unit })],
  telemetry: ({ org, unit, id }) => {
    const topics = deviceTopics({ org, unit, deviceId: id });
    return [topics.telemetry, topics.channel(ANY)];
  },
  'device-command': (where) => [anyCommand(where).command],
  'device-command-cancel': (where) => [anyCommand(where).cancel],
  'device-command-status': (where) => [anyCommand(where).status],
  'tool-approval': ({ org, unit, id }) => [deviceTopics({ org, unit, deviceId: id }).approval(ANY)],
  host: (where) => [ownHost(where).record],
  'host-order': ({ org, unit }) => [hostTopics({ org, unit, hostId: ANY }).order],
  'host-event': (where) => [ownHost(where).event],
  spawn: ({ org, unit }) => [spawnTopic({ org, unit })],
  'pool-claim': ({ org, unit }) => [poolClaimTopic({ org, unit, poolId: ANY })],
  // What a client tells itself, to know where a snapshot of retained messages ends. Of any name: a look has one of its own.
  marker: ({ org, unit }) => [`${agentTopics({ org, unit, agentId: ANY }).all.slice(0, -1)}marker/#`],
};

const anyCommand = ({ org, unit, id }: Where) => deviceTopics({ org, unit, deviceId: id }).command(ANY);
const anySession = ({ org, unit }: Where) => sessionTopics({ org, unit, sessionId: ANY });
const USAGE_SCOPES: Readonly<Record<UsageScope, true>> = { day: true, session: true };

const usageTopics = ({ org, unit }: Pick<Where, 'org' | 'unit'>, agentId: string): readonly string[] =>
  (Object.keys(USAGE_SCOPES) as UsageScope[]).map((scope) =>
    usageTopic({ org, unit, scope, scopeId: ANY, agentId }),
  );

const ownHost = ({ org, unit, id }: Where) => hostTopics({ org, unit, hostId: id });

const ownTopics = ({ org, unit, id }: Where) => agentTopics({ org, unit, agentId: id });

/** Requests and replies are never retained; telemetry and events are not either (DESIGN §3, profile: Topic Model). */
const NEVER_RETAINED: ReadonlySet<Kind> = new Set([
  'request',
  'pool',
  'reply',
  'telemetry',
  'pool-claim',
  'host-order',
  'host-event',
  'spawn',
]);

const STEP_RECORDS = [
  'status',
  'intent',
  'result',
  'items',
  'approval',
  'outcome',
] as const satisfies readonly Kind[];

const PUBLISHES: Readonly<Record<AccessRole, readonly Kind[]>> = {
  device: ['telemetry', 'device-command-status', 'marker'],
  agent: [
    'discovery',
    'request',
    'pool',
    'reply',
    'event',
    'state',
    'task',
    'reasoning',
    'usage',
    'device-command',
    'device-command-cancel',
    'pool-claim',
    'marker',
  ],
  step: [...STEP_RECORDS, 'request', 'pool', 'reply', 'event', 'marker'],
  supervisor: [
    ...STEP_RECORDS,
    'session',
    'claim',
    'control',
    'pause',
    'purge',
    'extend',
    'caller',
    'attempt',
    'decision',
    'desired',
    'state',
    'agent-attempt',
    'task',
    'trigger',
    'writer',
    'canary',
    'discovery',
    'request',
    'pool',
    'reply',
    'event',
    'host-order',
    'spawn',
    'marker',
  ],
  host: ['host', 'host-event', 'marker'],
  requester: ['request', 'pool', 'marker'],
  operator: [
    'control',
    'pause',
    'purge',
    'extend',
    'decision',
    'desired',
    'discovery',
    'request',
    'pool',
    'event',
    'tool-approval',
    'device-command',
    'device-command-cancel',
    'marker',
  ],
  reader: ['marker'],
};

type Subscribe = (where: Where) => readonly string[];

const cards: Subscribe = ({ org, unit }) => [discoveryFilter({ org, unit })];
const replies: Subscribe = ({ org, unit, id }) => [replyTopic({ org, unit, agentId: id }, ANY)];
const events: Subscribe = ({ org, unit }) => [eventFilter({ org, unit })];
const requests: Subscribe = ({ org, unit, id }) => [requestFilter({ org, unit, agentId: id })];
const pools: Subscribe = ({ org, unit }) => [
  poolRequestTopic({ org, unit, poolId: ANY }),
  poolClaimTopic({ org, unit, poolId: ANY }),
];
const tree =
  (name: 'session' | 'agent' | 'device' | 'trigger' | 'writer'): Subscribe =>
  (where) => [treeFilter(name, { org: where.org, unit: where.unit })];
/** Of all agents: a budget is shared. */
const usage: Subscribe = (where) => usageTopics(where, ANY);
const canary: Subscribe = ({ org, unit }) => [canaryTopic({ org, unit })];
const own: Subscribe = (where) => [ownTopics(where).all, deviceTopics({ ...where, deviceId: where.id }).all];
const markers: Subscribe = (where) => TOPICS.marker(where);
/** Of the device alone: what a person allowed it to do. */
const approvals: Subscribe = ({ org, unit, id }) => [deviceTopics({ org, unit, deviceId: id }).approvals];
/** Of the device alone: what it is to do, and what it said of it. */
const commands: Subscribe = ({ org, unit, id }) => [deviceTopics({ org, unit, deviceId: id }).commands];
const orders: Subscribe = (where) => [ownHost(where).order, spawnTopic(where)];
const hosts: Subscribe = ({ org, unit }) => {
  const { record, event } = hostTopics({ org, unit, hostId: ANY });
  return [record, event];
};
/** What a broker tells about itself. */
const broker: Subscribe = () => ['$SYS/broker/#'];

/** Every record of the unit, for those who run it. */
const wholeUnit: readonly Subscribe[] = [
  tree('session'),
  tree('agent'),
  tree('device'),
  tree('trigger'),
  tree('writer'),
  hosts,
  canary,
  usage,
  markers,
  broker,
];

const SUBSCRIBES: Readonly<Record<AccessRole, readonly Subscribe[]>> = {
  device: [approvals, commands, markers],
  agent: [cards, events, requests, pools, replies, own, usage, markers, broker],
  step: [cards, events, requests, replies, tree('session'), tree('device'), canary, markers, broker],
  supervisor: [cards, events, requests, replies, ...wholeUnit],
  host: [orders, markers, broker],
  requester: [cards, events, replies, markers, broker],
  operator: [cards, events, replies, ...wholeUnit],
  reader: [cards, markers, broker],
};

/**
 * What a party of that role needs in its unit, and nothing beyond it. Wills need the same rights as publishes. MCP over MQTT has topics of
 * its own, which are not in here. Throws ProtocolError `invalid-identifier`.
 */
export function accessOf(role: AccessRole, subject: AccessSubject): readonly AccessGrant[] {
  const where: Where = { org: subject.org, unit: subject.unit, id: subject.id ?? ANY };
  const publishes = PUBLISHES[role].flatMap((kind) =>
    TOPICS[kind](where).map((topic): AccessGrant => {
      const filter = anyLevel(topic);
      return NEVER_RETAINED.has(kind)
        ? { action: 'publish', filter, retain: false }
        : { action: 'publish', filter };
    }),
  );
  const subscribes = SUBSCRIBES[role].flatMap((filters) =>
    filters(where).map((filter): AccessGrant => ({ action: 'subscribe', filter: anyLevel(filter) })),
  );
  return [...publishes, ...subscribes];
}
