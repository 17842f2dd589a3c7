/** Every channel and message as an AsyncAPI 3 document. Addresses come from the functions that build topics, payloads from the schemas. */
import {
  agentTopics,
  canaryTopic,
  deviceTopics,
  hostTopics,
  poolClaimTopic,
  sessionTopics,
  spawnTopic,
  triggerTopic,
  writerTopic,
  usageTopic,
} from '../src/shoal-topics.ts';
import { discoveryTopic, eventTopic, poolRequestTopic, replyTopic, requestTopic } from '../src/topics.ts';
import { USER_PROPERTIES } from '../src/user-properties.ts';
import type { Schema, Schemas } from './schema-bundle.ts';

interface Channel {
  readonly address: string;
  readonly description: string;
  /** Names of documents. */
  readonly messages: readonly string[];
  readonly retained: boolean;
  readonly qos: 0 | 1;
}

/** Ids that no topic has, put in their place afterwards: the builders refuse braces. */
const IDS = [
  'org',
  'unit',
  'agentId',
  'poolId',
  'sessionId',
  'stepId',
  'hash',
  'suffix',
  'taskId',
  'deviceId',
  'channel',
  'workflowId',
  'triggerId',
  'reasoningId',
  'scopeId',
  'hostId',
  'writerId',
  'approvalId',
  'commandId',
] as const;
type Id = (typeof IDS)[number];

const DESCRIPTIONS: Readonly<Record<Id, string>> = {
  org: 'Organisation.',
  unit: 'A part of the organisation: what one set of rules lets see each other.',
  agentId: 'Agent; not `pool`.',
  poolId: 'Pool of agents.',
  sessionId: 'One run of a workflow.',
  stepId: 'Step of the workflow; an item of a fan-out adds its number.',
  hash: 'Of what the record is about, so that it is written once.',
  suffix: 'Chosen by the requester.',
  taskId: 'UUID version 4.',
  deviceId: 'Device.',
  channel: 'Channel of a device.',
  workflowId: 'Workflow.',
  triggerId: 'Trigger of the workflow.',
  reasoningId: 'One decision of a reasoner.',
  scopeId: 'The day, or the session.',
  hostId: 'Host: a process that runs agents.',
  writerId: 'A connection that instances of one process share.',
  approvalId: 'One approval of a tool call.',
  commandId: 'One command to a device.',
};

const standIn = (id: Id): string => `STANDIN.${id}.`;
const ids = Object.fromEntries(IDS.map((id) => [id, standIn(id)])) as Record<Id, string>;

const session = sessionTopics(ids);
const step = session.step(ids.stepId);
const agent = agentTopics(ids);
const device = deviceTopics(ids);
const command = device.command(ids.commandId);
const host = hostTopics(ids);

const retained = { retained: true, qos: 1 } as const;
const passing = { retained: false, qos: 1 } as const;

const CHANNELS: Readonly<Record<string, Channel>> = {
  discovery: {
    address: discoveryTopic(ids),
    description: 'The Agent Card; user property a2a-status tells presence.',
    messages: ['AgentCard'],
    ...retained,
  },
  request: {
    address: requestTopic(ids),
    description: 'JSON-RPC requests to an agent.',
    messages: ['JsonRpcRequest'],
    ...passing,
  },
  poolRequest: {
    address: poolRequestTopic(ids),
    description: 'JSON-RPC requests to one member of a pool.',
    messages: ['JsonRpcRequest'],
    ...passing,
  },
  reply: {
    address: replyTopic(ids, ids.suffix),
    description: 'Replies and stream items, told apart by Correlation Data.',
    messages: ['JsonRpcResponse'],
    ...passing,
  },
  event: {
    address: eventTopic(ids),
    description: 'What an agent announces to whoever listens.',
    messages: [],
    ...passing,
  },
  session: {
    address: session.session,
    description: 'The pinned plan of a run.',
    messages: ['SessionRecord'],
    ...retained,
  },
  sessionControl: {
    address: session.control,
    description: 'Cancel.',
    messages: ['ControlRecord'],
    ...retained,
  },
  sessionPause: {
    address: session.pause,
    description: 'Pause and resume.',
    messages: ['ControlRecord'],
    ...retained,
  },
  sessionPurge: {
    address: session.purge,
    description: 'Take a finished run off the broker.',
    messages: ['ControlRecord'],
    ...retained,
  },
  sessionExtend: {
    address: session.extend,
    description: 'More time for a run, or for one of its steps.',
    messages: ['ControlRecord'],
    ...retained,
  },
  sessionOutcome: {
    address: session.outcome,
    description: 'The end of a run, written once.',
    messages: ['SessionOutcome'],
    ...retained,
  },
  sessionClaim: {
    address: session.claim,
    description: 'The claim to the first attempts of several steps.',
    messages: ['SessionClaim'],
    ...retained,
  },
  sessionCaller: {
    address: session.caller(ids.hash),
    description: 'Who waits for the outcome.',
    messages: ['CallerRecord'],
    ...retained,
  },
  stepAttempt: {
    address: step.attempt,
    description: 'The claim to run a step.',
    messages: ['AttemptRecord'],
    ...retained,
  },
  stepStatus: {
    address: step.status,
    description: 'What the instance of a step is doing.',
    messages: ['StepStatus'],
    ...retained,
  },
  stepIntent: {
    address: step.intent,
    description: 'That an effect is about to happen.',
    messages: ['StepIntent'],
    ...retained,
  },
  stepResult: {
    address: step.result,
    description: 'The one result of a step.',
    messages: ['StepResult'],
    ...retained,
  },
  stepItems: {
    address: step.items,
    description: 'The pinned items of a fan-out.',
    messages: ['StepItems'],
    ...retained,
  },
  stepApproval: {
    address: step.approval,
    description: 'That an approval is open.',
    messages: ['ApprovalRequest'],
    ...retained,
  },
  stepDecision: {
    address: step.decision,
    description: 'The word on an approval.',
    messages: ['ApprovalDecision'],
    ...retained,
  },
  agentDesired: {
    address: agent.desired,
    description: 'A long-lived agent that should run.',
    messages: ['DesiredState'],
    ...retained,
  },
  agentState: {
    address: agent.state,
    description: "An agent's last known context.",
    messages: ['AgentState'],
    ...retained,
  },
  agentAttempt: {
    address: agent.attempt,
    description: 'The claim to spawn a long-lived agent.',
    messages: ['AgentAttempt'],
    ...retained,
  },
  agentTask: {
    address: agent.task(ids.taskId),
    description: 'A task of this agent, kept for its successor.',
    messages: ['Task'],
    ...retained,
  },
  agentReasoning: {
    address: agent.reasoning(ids.reasoningId),
    description: 'What a reasoner decided, and on what.',
    messages: ['ReasoningRecord'],
    ...retained,
  },
  usage: {
    address: usageTopic({ ...ids, scope: 'day' }).replace('/day/', '/{scope}/'),
    description: 'What an agent used of the budget of a day or of a session.',
    messages: ['UsageRecord'],
    ...retained,
  },
  telemetry: {
    address: device.telemetry,
    description: 'All channels of one sample.',
    messages: ['Telemetry'],
    retained: false,
    qos: 0,
  },
  telemetryChannel: {
    address: device.channel(ids.channel),
    description: 'One channel of a device.',
    messages: ['Telemetry'],
    retained: false,
    qos: 0,
  },
  toolApproval: {
    address: device.approval(ids.approvalId),
    description: 'That a person allows one call of a tool of this device.',
    messages: ['ToolApproval'],
    ...retained,
  },
  deviceCommand: {
    address: command.command,
    description: 'A call of a tool that waits for its device.',
    messages: ['DeviceCommand'],
    ...retained,
  },
  deviceCommandCancel: {
    address: command.cancel,
    description: 'That a command is no longer wanted.',
    messages: ['DeviceCommandCancel'],
    ...retained,
  },
  deviceCommandStatus: {
    address: command.status,
    description: 'What the device says of a command.',
    messages: ['DeviceCommandStatus'],
    ...retained,
  },
  host: {
    address: host.record,
    description: 'A host: labels, capacity, what it runs.',
    messages: ['HostRecord'],
    ...retained,
  },
  hostOrder: {
    address: host.order,
    description: 'An order to this host to run or end an agent.',
    messages: ['HostOrder'],
    ...passing,
  },
  hostEvent: {
    address: host.event,
    description: 'What became of an order.',
    messages: ['HostEvent'],
    ...passing,
  },
  spawn: {
    address: spawnTopic(ids),
    description: 'An order that any host of the unit may take.',
    messages: ['HostOrder'],
    ...passing,
  },
  trigger: {
    address: triggerTopic(ids),
    description: 'That a trigger fired, so that it fires once.',
    messages: ['TriggerRecord'],
    ...retained,
  },
  writer: {
    address: writerTopic(ids),
    description: 'The Will of a connection that quick instances of one process share.',
    messages: ['WriterRecord'],
    ...retained,
  },
  canary: {
    address: canaryTopic(ids),
    description: 'Tells what the broker keeps over a restart.',
    messages: ['BrokerCanary'],
    ...retained,
  },
  poolClaim: {
    address: poolClaimTopic(ids),
    description: 'Who of a pool takes a request, where the broker does not share.',
    messages: [],
    ...passing,
  },
};

const PARAMETERS: Readonly<Record<string, object>> = {
  ...Object.fromEntries(IDS.map((id) => [id, { description: DESCRIPTIONS[id] }])),
  scope: { description: 'What the budget is for.', enum: ['day', 'session'] },
};

/** The document; `schemas` as `plainDefinitions` gives them. */
export function asyncApi(schemas: Schemas): Schema {
  const channels = Object.entries(CHANNELS);
  const names = [...new Set(channels.flatMap(([, { messages }]) => messages))].sort();
  return {
    asyncapi: '3.1.0',
    info: {
      title: 'Shoal: A2A over MQTT, and the records of workflows',
      version: '1.0.0',
      description:
        'Every topic and message. A2A part: profile A2A over MQTT 0.1. Readers ignore unknown fields and keep them.',
      license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
    },
    defaultContentType: 'application/json',
    channels: Object.fromEntries(channels.map(([name, channel]) => [name, channelObject(channel)])),
    operations: Object.fromEntries(
      channels.map(([name, channel]) => [`write.${name}`, operation(name, channel)]),
    ),
    components: {
      messages: Object.fromEntries(names.map((name) => [name, messageObject(name)])),
      schemas: { ...(moved(schemas) as Schema), UserProperties: userProperties() },
      parameters: PARAMETERS,
    },
  };
}

function channelObject({ address, description, messages }: Channel): Schema {
  const shown = address.replaceAll(/STANDIN\.(\w+)\./g, '{$1}');
  const parameters = [...shown.matchAll(/\{(\w+)\}/g)].map((match) => match[1] as string);
  return {
    address: shown,
    description,
    parameters: Object.fromEntries(
      parameters.map((name) => [name, { $ref: `#/components/parameters/${name}` }]),
    ),
    messages: Object.fromEntries(messages.map((name) => [name, { $ref: `#/components/messages/${name}` }])),
  };
}

function operation(name: string, { retained: retain, qos }: Channel): Schema {
  return {
    action: 'send',
    channel: { $ref: `#/channels/${name}` },
    bindings: { mqtt: { qos, retain, bindingVersion: '0.2.0' } },
  };
}

function messageObject(name: string): Schema {
  return {
    name,
    contentType: 'application/json',
    headers: { $ref: '#/components/schemas/UserProperties' },
    payload: { $ref: `#/components/schemas/${name}` },
  };
}

/** MQTT user properties are what AsyncAPI calls headers. */
function userProperties(): Schema {
  const properties = Object.fromEntries(
    Object.values(USER_PROPERTIES).map((name) => [name, { type: 'string' }]),
  );
  return { type: 'object', description: 'MQTT 5 user properties. Unknown ones are ignored.', properties };
}

function moved(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value).replaceAll('"#/$defs/', '"#/components/schemas/'));
}
