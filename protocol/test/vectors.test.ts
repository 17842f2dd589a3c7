/** The language-neutral vectors, run against this implementation. Their format is in vectors/README.md. */
import { describe, expect, it } from 'vitest';
import * as p from '../src/index.ts';
import { readJson } from './load.ts';

interface MayReject {
  readonly rejects?: string;
}

function accepting<T extends MayReject>(cases: readonly T[]): T[] {
  return cases.filter((each) => each.rejects === undefined);
}

function rejecting<T extends MayReject>(cases: readonly T[]): (T & { rejects: string })[] {
  return cases.filter((each): each is T & { rejects: string } => each.rejects !== undefined);
}

function refusal(field: string): unknown {
  return expect.objectContaining({ code: 'invalid-identifier', field });
}

function passes(assert: () => void): boolean {
  try {
    assert();
    return true;
  } catch (error) {
    if (p.isProtocolError(error, 'invalid-identifier')) return false;
    throw error;
  }
}

type Input = Readonly<Record<string, string>>;
type Builders = Readonly<Record<string, (input: never) => string>>;

interface TopicVectors {
  readonly build: readonly { build: string; input: Input; topic?: string; rejects?: string }[];
  readonly parse: readonly { topic: string; parsed: unknown }[];
}

const a2aBuilders: Builders = {
  discovery: p.discoveryTopic,
  request: p.requestTopic,
  event: p.eventTopic,
  reply: (input: p.AgentAddress & { suffix: string }) => p.replyTopic(input, input.suffix),
  pool: p.poolRequestTopic,
  poolSubscription: (input: p.PoolAddress) => p.poolSubscription(input),
  clientId: p.clientIdOf,
  discoveryFilter: p.discoveryFilter,
  requestFilter: p.requestFilter,
  eventFilter: p.eventFilter,
};

type Step = p.SessionAddress & { stepId: string };
type Command = p.DeviceAddress & { commandId: string };
type Host = Parameters<typeof p.hostTopics>[0];

const shoalBuilders: Builders = {
  session: (input: p.SessionAddress) => p.sessionTopics(input).session,
  control: (input: p.SessionAddress) => p.sessionTopics(input).control,
  outcome: (input: p.SessionAddress) => p.sessionTopics(input).outcome,
  claim: (input: p.SessionAddress) => p.sessionTopics(input).claim,
  callers: (input: p.SessionAddress) => p.sessionTopics(input).callers,
  caller: (input: p.SessionAddress & { hash: string }) => p.sessionTopics(input).caller(input.hash),
  sessionAll: (input: p.SessionAddress) => p.sessionTopics(input).all,
  attempt: (input: Step) => p.sessionTopics(input).step(input.stepId).attempt,
  status: (input: Step) => p.sessionTopics(input).step(input.stepId).status,
  intent: (input: Step) => p.sessionTopics(input).step(input.stepId).intent,
  result: (input: Step) => p.sessionTopics(input).step(input.stepId).result,
  desired: (input: p.AgentAddress) => p.agentTopics(input).desired,
  state: (input: p.AgentAddress) => p.agentTopics(input).state,
  'agent-attempt': (input: p.AgentAddress) => p.agentTopics(input).attempt,
  task: (input: p.AgentAddress & { taskId: string }) => p.agentTopics(input).task(input.taskId),
  pause: (input: p.SessionAddress) => p.sessionTopics(input).pause,
  extend: (input: p.SessionAddress) => p.sessionTopics(input).extend,
  purge: (input: p.SessionAddress) => p.sessionTopics(input).purge,
  items: (input: Step) => p.sessionTopics(input).step(input.stepId).items,
  approval: (input: Step) => p.sessionTopics(input).step(input.stepId).approval,
  decision: (input: Step) => p.sessionTopics(input).step(input.stepId).decision,
  reasoning: (input: p.AgentAddress & { reasoningId: string }) =>
    p.agentTopics(input).reasoning(input.reasoningId),
  usage: p.usageTopic,
  usageAll: p.usageTopic,
  trigger: p.triggerTopic,
  canary: p.canaryTopic,
  writer: p.writerTopic,
  'tool-approval': (input: p.DeviceAddress & { approvalId: string }) =>
    p.deviceTopics(input).approval(input.approvalId),
  'device-command': (input: Command) => p.deviceTopics(input).command(input.commandId).command,
  'device-command-cancel': (input: Command) => p.deviceTopics(input).command(input.commandId).cancel,
  'device-command-status': (input: Command) => p.deviceTopics(input).command(input.commandId).status,
  deviceApprovals: (input: p.DeviceAddress) => p.deviceTopics(input).approvals,
  'pool-claim': (input: p.PoolAddress) => p.poolClaimTopic(input),
  host: (input: Host) => p.hostTopics(input).record,
  'host-order': (input: Host) => p.hostTopics(input).order,
  'host-event': (input: Host) => p.hostTopics(input).event,
  spawn: (input: Host) => p.spawnTopic(input),
  agentAll: (input: p.AgentAddress) => p.agentTopics(input).all,
  telemetry: (input: p.DeviceAddress & { channel?: string }) =>
    input.channel === undefined
      ? p.deviceTopics(input).telemetry
      : p.deviceTopics(input).channel(input.channel),
  deviceAll: (input: p.DeviceAddress) => p.deviceTopics(input).all,
  treeFilter: (input: { tree: 'session'; org?: string; unit?: string }) => p.treeFilter(input.tree, input),
};

describe.each([
  { file: 'a2a-topics.json', builders: a2aBuilders, parse: p.parseA2aTopic as (topic: string) => unknown },
  {
    file: 'shoal-topics.json',
    builders: shoalBuilders,
    parse: p.parseShoalTopic as (topic: string) => unknown,
  },
])('$file', ({ file, builders, parse }) => {
  const vectors = readJson(`vectors/${file}`) as TopicVectors;

  it.each(accepting(vectors.build))('build $build $input', ({ build, input, topic }) => {
    expect(builders[build]!(input as never)).toBe(topic);
  });
  it.each(rejecting(vectors.build))('refuse to build $build $input', ({ build, input, rejects }) => {
    expect(() => builders[build]!(input as never)).toThrow(refusal(rejects));
  });

  it.each(vectors.parse)('parse $topic', ({ topic, parsed }) => {
    expect(parse(topic) ?? null).toEqual(parsed);
  });
});

it('shoal-topics.json parses a topic of every kind that there is a channel for', () => {
  const { channels } = readJson('schemas/v1/asyncapi.json') as {
    channels: Record<string, { address: string }>;
  };
  const samples = Object.values(channels).map(({ address }) =>
    p.parseShoalTopic(address.replace('{scope}', 'day').replaceAll(/\{(\w+)\}/g, '$1')),
  );
  const kinds = new Set(samples.flatMap((topic) => (topic === undefined ? [] : [topic.kind])));
  const { parse } = readJson('vectors/shoal-topics.json') as {
    parse: readonly { parsed: { kind: string } | null }[];
  };
  const parsed = new Set(parse.map((vector) => vector.parsed?.kind));
  expect([...kinds].filter((kind) => !parsed.has(kind))).toEqual([]);
});

describe('identifiers.json', () => {
  const vectors = readJson('vectors/identifiers.json') as {
    identifiers: { value: unknown; valid: boolean }[];
    agentIds: { value: string; valid: boolean }[];
    taskIds: { value: unknown; valid: boolean; normalized?: string }[];
    groupIds: { input: p.PoolAddress; groupId?: string; rejects?: string }[];
    groupLabels: { label: string; groupLabel: string }[];
    clientIds: { clientId: string; address: p.AgentAddress | null }[];
  };

  it.each(vectors.identifiers)('identifier $value: $valid', ({ value, valid }) => {
    expect(p.isIdentifier(value)).toBe(valid);
    expect(passes(() => p.assertIdentifier('id', value))).toBe(valid);
  });
  it.each(vectors.agentIds)('agent id $value: $valid', ({ value, valid }) => {
    expect(passes(() => p.assertAgentId('agentId', value))).toBe(valid);
  });
  it.each(vectors.taskIds)('task id $value: $valid', ({ value, valid, normalized }) => {
    expect(p.isTaskId(value)).toBe(valid);
    expect(valid ? p.normalizeTaskId(String(value)) : undefined).toBe(normalized);
  });
  it.each(accepting(vectors.groupIds))('group id of $input', ({ input, groupId }) => {
    expect(p.groupIdOf(input)).toBe(groupId);
  });
  it.each(rejecting(vectors.groupIds))('no group id of $input', ({ input, rejects }) => {
    expect(() => p.groupIdOf(input)).toThrow(refusal(rejects));
  });
  it.each(vectors.groupLabels)('label $label becomes $groupLabel', ({ label, groupLabel }) => {
    expect(p.groupLabel(label)).toBe(groupLabel);
  });
  it.each(vectors.clientIds)('client id $clientId', ({ clientId, address }) => {
    expect(p.parseClientId(clientId) ?? null).toEqual(address);
  });
});

/** As MQTT.js groups them: a name that repeats becomes an array. */
function grouped(pairs: readonly (readonly [string, string])[]): p.UserProperties {
  const properties: Record<string, string | string[]> = {};
  for (const [name, value] of pairs) {
    const before = properties[name];
    properties[name] = before === undefined ? value : [before, value].flat();
  }
  return properties;
}

describe('presence.json', () => {
  const { vectors } = readJson('vectors/presence.json') as {
    vectors: {
      name: string;
      userProperties: [string, string][];
      payloadBytes: number;
      expected: p.Presence;
    }[];
  };
  it.each(vectors)('$name', ({ userProperties, payloadBytes, expected }) => {
    expect(p.readPresence(grouped(userProperties), payloadBytes)).toEqual(expected);
  });
});

describe('errors.json', () => {
  const vectors = readJson('vectors/errors.json') as {
    send: { family: string; name: string; error: p.JsonRpcError }[];
    classify: { name: string; error: p.JsonRpcError; expected: p.ErrorClass }[];
  };
  const makers: Readonly<Record<string, (name: never, message: string) => p.JsonRpcError>> = {
    core: p.a2aError,
    binding: p.bindingError,
    jsonrpc: p.jsonRpcError,
    auth: p.authError,
  };

  it.each(vectors.send)('send $family $name', ({ family, name, error }) => {
    expect(makers[family]!(name as never, 'why')).toEqual(error);
    expect(p.validateJsonRpcError(error).ok).toBe(true);
    expect(p.classifyError(error)).toMatchObject({ family, name });
  });
  it.each(vectors.classify)('classify: $name', ({ error, expected }) => {
    expect(p.classifyError(error)).toEqual(expected);
  });
  it('covers every error of the tables', () => {
    const tables = [p.A2A_ERRORS, p.BINDING_ERRORS, p.JSONRPC_ERRORS, p.AUTH_ERRORS];
    expect(vectors.send.map(({ name }) => name)).toEqual(tables.flatMap((table) => Object.keys(table)));
  });
});

describe('task-states.json', () => {
  const { vectors } = readJson('vectors/task-states.json') as {
    vectors: { state: p.TaskState; number: number; terminal: boolean; interrupted: boolean }[];
  };
  it.each(vectors)('$state', ({ state, number, terminal, interrupted }) => {
    expect(p.TASK_STATES[number]).toBe(state);
    expect([p.isTerminal(state), p.isInterrupted(state)]).toEqual([terminal, interrupted]);
  });
  it('lists them all', () => expect(vectors.map(({ state }) => state)).toEqual(p.TASK_STATES));
});

describe('service-parameters.json', () => {
  const vectors = readJson('vectors/service-parameters.json') as {
    versions: { requested: string | null; accepted: string | null }[];
    extensions: { userProperties: [string, string][]; extensions: string[] }[];
    bindings: { protocolBinding: string; mqtt: boolean }[];
  };
  it.each(vectors.versions)('version $requested: $accepted', ({ requested, accepted }) => {
    expect(p.negotiateVersion(requested ?? undefined) ?? null).toBe(accepted);
  });
  it.each(vectors.extensions)('extensions of $userProperties', ({ userProperties, extensions }) => {
    expect(p.readExtensions(grouped(userProperties))).toEqual(extensions);
  });
  it.each(vectors.bindings)('binding $protocolBinding: $mqtt', ({ protocolBinding, mqtt }) => {
    expect(p.isMqttBinding(protocolBinding)).toBe(mqtt);
  });
});

describe('methods.json', () => {
  const { vectors } = readJson('vectors/methods.json') as { vectors: { method: string }[] };
  it('is the table of methods', () => {
    const table = Object.entries(p.METHODS).map(([method, shape]) => ({ method, ...shape }));
    expect(vectors).toEqual(table);
  });
});
