import { AgentCard, Message, Task, TaskState } from '@a2a-js/sdk';
import type { ListTasksRequest, SendMessageRequest } from '@a2a-js/sdk';
import { type Client, ClientFactory } from '@a2a-js/sdk/client';
import {
  AgentEvent,
  type AgentExecutor,
  DefaultRequestHandler,
  InMemoryTaskStore,
  type ServerCallContext,
  type TaskStore,
} from '@a2a-js/sdk/server';
import { agentCardHandler, jsonRpcHandler, UserBuilder } from '@a2a-js/sdk/server/express';
import { createMqttServer, mqttCardResolver, mqttTransports } from '@shoal/a2a-js-mqtt';
import { createRequester } from '@shoal/agent-sdk';
import { openLink } from '@shoal/mqtt-link';
import type { AgentAddress } from '@shoal/protocol';
import express from 'express';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { RpcSide } from './side.ts';

const TEXT = 'x'.repeat(200);
const AGENT: AgentAddress = { org: 'bench', unit: 'a2a-js', agentId: 'responder' };
const CALLER: AgentAddress = { org: 'bench', unit: 'a2a-js', agentId: 'requester' };

/** As its documentation writes an agent: the task, an artifact, the end. */
const executor: AgentExecutor = {
  execute({ taskId, contextId, userMessage }, bus) {
    const working = { state: TaskState.TASK_STATE_WORKING, message: undefined, timestamp: now() };
    bus.publish(
      AgentEvent.task({
        id: taskId,
        contextId,
        status: working,
        artifacts: [],
        history: [userMessage],
        metadata: undefined,
      }),
    );
    const part = {
      content: { $case: 'text' as const, value: TEXT },
      metadata: undefined,
      filename: '',
      mediaType: '',
    };
    const artifact = {
      artifactId: 'artifact-1',
      name: '',
      description: '',
      parts: [part],
      metadata: undefined,
      extensions: [],
    };
    bus.publish(
      AgentEvent.artifactUpdate({
        taskId,
        contextId,
        artifact,
        append: false,
        lastChunk: true,
        metadata: undefined,
      }),
    );
    const status = { state: TaskState.TASK_STATE_COMPLETED, message: undefined, timestamp: now() };
    bus.publish(AgentEvent.statusUpdate({ taskId, contextId, status, metadata: undefined }));
    bus.finished();
    return Promise.resolve();
  },
  cancelTask: () => Promise.resolve(),
};

/** Its own store in memory, emptied in turns: it forgets nothing, and a long run would measure the garbage collector. */
class RotatingTaskStore implements TaskStore {
  #current = new InMemoryTaskStore();
  #previous = new InMemoryTaskStore();
  #saves = 0;

  async save(task: Task, context: ServerCallContext): Promise<void> {
    if ((this.#saves += 1) % 20_000 === 0) {
      this.#previous = this.#current;
      this.#current = new InMemoryTaskStore();
    }
    await this.#current.save(task, context);
  }

  async load(taskId: string, context: ServerCallContext): Promise<Task | undefined> {
    return (await this.#current.load(taskId, context)) ?? this.#previous.load(taskId, context);
  }

  list(params: ListTasksRequest, context: ServerCallContext): ReturnType<TaskStore['list']> {
    return this.#current.list(params, context);
  }
}

function cardAt(url: string): AgentCard {
  return AgentCard.fromJSON({
    name: 'Benchmark',
    description: 'Answers what it is asked.',
    version: '1.0.0',
    supportedInterfaces: [{ url, protocolBinding: 'JSONRPC', protocolVersion: '1.0' }],
    capabilities: { streaming: true },
    defaultInputModes: ['text/plain'],
    defaultOutputModes: ['text/plain'],
    skills: [{ id: 'echo', name: 'Echo', description: 'Answers.', tags: ['bench'] }],
  });
}

/** Over HTTP on loopback, with express, as its documentation recommends. Returns the URL of the agent. */
export async function httpResponder(): Promise<string> {
  const app = express();
  // Its connections outlive the turns of the others, and a crowd of new ones is not refused.
  const server = createServer({ keepAliveTimeout: 120_000 }, app);
  server.listen({ port: 0, host: '127.0.0.1', backlog: 2_048 });
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const requestHandler = new DefaultRequestHandler(
    cardAt(`${url}/a2a/jsonrpc`),
    new RotatingTaskStore(),
    executor,
  );
  app.use('/.well-known/agent-card.json', agentCardHandler({ agentCardProvider: requestHandler }));
  app.use('/a2a/jsonrpc', jsonRpcHandler({ requestHandler, userBuilder: UserBuilder.noAuthentication }));
  return url;
}

export async function httpRequester(url: string): Promise<RpcSide> {
  return sideOf(await new ClientFactory().createFromUrl(url));
}

/** The same agent, over MQTT. */
export async function adapterResponder(url: string): Promise<void> {
  const taskStore = new RotatingTaskStore();
  await createMqttServer({
    url,
    ...AGENT,
    card: cardAt('http://unused'),
    executor,
    taskStore,
    maxRunning: 10_000,
  }).start();
}

export async function adapterRequester(url: string): Promise<RpcSide> {
  const link = await openLink({ url, clientId: 'bench/a2a-js/requester' });
  const requester = createRequester({ link, address: CALLER });
  const factory = new ClientFactory({
    transports: mqttTransports({ requester }),
    cardResolver: mqttCardResolver(link),
  });
  return sideOf(await factory.createFromUrl(`mqtt://any/${AGENT.org}/${AGENT.unit}/${AGENT.agentId}`));
}

function sideOf(client: Client): RpcSide {
  return {
    async roundTrip() {
      const answer = await client.sendMessage(request());
      if (!('artifacts' in answer) || answer.artifacts.length !== 1) throw new Error('not the answer');
    },
    stream: () => Promise.reject(new Error('not measured')),
  };
}

function request(): SendMessageRequest {
  const message = Message.fromJSON({
    messageId: crypto.randomUUID(),
    role: 'ROLE_USER',
    parts: [{ text: TEXT }],
  });
  // The other side asks for no history either.
  const configuration = {
    acceptedOutputModes: [],
    taskPushNotificationConfig: undefined,
    historyLength: 0,
    returnImmediately: false,
  };
  return { tenant: '', message, configuration, metadata: undefined };
}

const now = (): string => new Date().toISOString();
