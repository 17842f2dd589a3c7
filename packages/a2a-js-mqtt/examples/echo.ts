import { Role, TaskState, type AgentCard } from '@a2a-js/sdk';
import { ClientFactory } from '@a2a-js/sdk/client';
import { AgentEvent, type AgentExecutor } from '@a2a-js/sdk/server';
import { createMqttServer, mqttCardResolver, mqttTransports } from '@shoal/a2a-js-mqtt';
import { createRequester } from '@shoal/agent-sdk';
import { openLink } from '@shoal/mqtt-link';

const url = process.env['SHOAL_BROKER_URL'] ?? 'mqtt://127.0.0.1:1883';

// An agent as it was written for HTTP: nothing in it knows of MQTT.
const executor: AgentExecutor = {
  async execute({ taskId, contextId, userMessage }, bus) {
    const said = userMessage.parts[0]?.content;
    const part = { content: said, metadata: undefined, filename: '', mediaType: 'text/plain' };
    const artifact = {
      artifactId: 'echo',
      name: 'echo',
      description: '',
      parts: [part],
      metadata: undefined,
      extensions: [],
    };
    const status = {
      state: TaskState.TASK_STATE_WORKING,
      message: undefined,
      timestamp: new Date().toISOString(),
    };
    bus.publish(
      AgentEvent.task({
        id: taskId,
        contextId,
        status,
        artifacts: [artifact],
        history: [],
        metadata: undefined,
      }),
    );
    const done = { ...status, state: TaskState.TASK_STATE_COMPLETED };
    bus.publish(AgentEvent.statusUpdate({ taskId, contextId, status: done, metadata: undefined }));
    bus.finished();
  },
  async cancelTask() {},
};

const card: AgentCard = {
  name: 'Echo',
  description: 'Says it again.',
  version: '1.0.0',
  supportedInterfaces: [],
  capabilities: { streaming: true, extensions: [] },
  defaultInputModes: ['text/plain'],
  defaultOutputModes: ['text/plain'],
  skills: [],
  provider: undefined,
  securitySchemes: {},
  securityRequirements: [],
  signatures: [],
};

const server = createMqttServer({ url, org: 'acme', unit: 'plant-1', agentId: 'echo', card, executor });
await server.start();

const link = await openLink({ url, clientId: 'acme/plant-1/caller' });
const requester = createRequester({ link, address: { org: 'acme', unit: 'plant-1', agentId: 'caller' } });
const factory = new ClientFactory({
  transports: mqttTransports({ requester }),
  cardResolver: mqttCardResolver(link),
});
const client = await factory.createFromUrl('mqtt://broker/acme/plant-1/echo');
export const answer = await client.sendMessage({
  tenant: '',
  message: {
    messageId: crypto.randomUUID(),
    role: Role.ROLE_USER,
    parts: [{ content: { $case: 'text', value: 'hello' }, metadata: undefined, filename: '', mediaType: '' }],
    taskId: '',
    contextId: '',
    metadata: undefined,
    extensions: [],
    referenceTaskIds: [],
  },
  configuration: undefined,
  metadata: undefined,
});

await link.close();
await server.stop();
