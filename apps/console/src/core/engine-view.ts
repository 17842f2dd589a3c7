import {
  describeViolations,
  parseJson,
  parseShoalTopic,
  validateAgentAttempt,
  validateBrokerCanary,
  validateDesiredState,
  validateHostRecord,
  validateReasoningRecord,
  validateToolApproval,
  validateTriggerRecord,
  validateUsageRecord,
  type AgentAttempt,
  type BrokerCanary,
  type DesiredState,
  type HostRecord,
  type ReasoningRecord,
  type ToolApproval,
  type TriggerRecord,
  type UsageRecord,
  type Validation,
} from '@shoal/protocol';

/** What supervisors, hosts and reasoners keep on the broker beside sessions, by topic; the order is that of their coming. */
export interface EngineView {
  readonly desired: Map<string, DesiredState>;
  readonly 'agent-attempt': Map<string, AgentAttempt>;
  readonly trigger: Map<string, TriggerRecord>;
  readonly host: Map<string, HostRecord>;
  readonly usage: Map<string, UsageRecord>;
  readonly reasoning: Map<string, ReasoningRecord>;
  readonly 'tool-approval': Map<string, ToolApproval>;
  readonly canary: Map<string, BrokerCanary>;
}

/** Of each kind; beyond it the one that came first goes. */
const MOST_RECORDS: Readonly<Record<keyof EngineView, number>> = {
  desired: 20_000,
  'agent-attempt': 20_000,
  trigger: 2_000,
  host: 1_000,
  usage: 5_000,
  reasoning: 1_000,
  'tool-approval': 1_000,
  canary: 1,
};

const VALIDATORS: { readonly [K in keyof EngineView]: (value: unknown) => Validation<RecordOf<K>> } = {
  desired: validateDesiredState,
  'agent-attempt': validateAgentAttempt,
  trigger: validateTriggerRecord,
  host: validateHostRecord,
  usage: validateUsageRecord,
  reasoning: validateReasoningRecord,
  'tool-approval': validateToolApproval,
  canary: validateBrokerCanary,
};

type RecordOf<K extends keyof EngineView> = EngineView[K] extends Map<string, infer R> ? R : never;

export function emptyEngine(): EngineView {
  return {
    desired: new Map(),
    'agent-attempt': new Map(),
    trigger: new Map(),
    host: new Map(),
    usage: new Map(),
    reasoning: new Map(),
    'tool-approval': new Map(),
    canary: new Map(),
  };
}

/** Takes one retained record into the view; an empty one removes it. Returns why it cannot be used, if so. */
export function applyEngineRecord(view: EngineView, topic: string, payload: Uint8Array): string | undefined {
  const kind = parseShoalTopic(topic)?.kind;
  if (kind === undefined || !isEngineKind(kind)) return undefined;
  return put(view, kind, topic, payload);
}

function put(
  view: EngineView,
  kind: keyof EngineView,
  topic: string,
  payload: Uint8Array,
): string | undefined {
  // The validator of the kind says that the record is one of its map.
  const records = view[kind] as Map<string, unknown>;
  records.delete(topic);
  if (payload.length === 0) return undefined;
  const json = parseJson(payload);
  const read = json.ok ? VALIDATORS[kind](json.value) : json;
  if (!read.ok) return `${topic}: ${describeViolations(read.violations)}`;
  records.set(topic, read.value);
  if (records.size > MOST_RECORDS[kind]) records.delete(records.keys().next().value!);
  return undefined;
}

function isEngineKind(kind: string): kind is keyof EngineView {
  return Object.hasOwn(VALIDATORS, kind);
}
