import { AgentCard, Role, TaskState } from '@a2a-js/sdk';
import type { Message } from '@a2a-js/sdk';
import type { AgentExecutor, ExecutionEventBus, RequestContext } from '@a2a-js/sdk/server';
import { AgentEvent, DefaultRequestHandler, InMemoryTaskStore } from '@a2a-js/sdk/server';
import { UserBuilder, agentCardHandler, jsonRpcHandler } from '@a2a-js/sdk/server/express';
import express from 'express';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { Server } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** An agent as others write it, with the official SDK, on HTTP. It does what the text of the message says. */
export class HttpAgentServer implements AgentExecutor {
  /** Texts of the messages that reached it. */
  readonly received: string[] = [];
  readonly authorizations = new Set<string | undefined>();
  /** Headers `traceparent` of what reached it. */
  readonly traceparents = new Set<string | undefined>();
  readonly #held = new Map<string, () => void>();
  readonly #store = new InMemoryTaskStore();
  #server: Server | undefined;
  #port = 0;

  get url(): string {
    return `http://127.0.0.1:${this.#port}/`;
  }

  async start(): Promise<void> {
    const server = createServer((request, response) => void app(request, response));
    server.listen(this.#port, '127.0.0.1');
    await once(server, 'listening');
    this.#server = server;
    this.#port = (server.address() as AddressInfo).port;
    const card = AgentCard.fromJSON({
      name: 'Weather',
      description: 'Lives on HTTP.',
      version: '2.1.0',
      supportedInterfaces: [{ url: this.url, protocolBinding: 'JSONRPC', protocolVersion: '1.0' }],
      capabilities: { streaming: true },
      defaultInputModes: ['text/plain'],
      defaultOutputModes: ['text/plain'],
      skills: [{ id: 'forecast', name: 'Forecast', description: 'Tells the weather', tags: ['weather'] }],
    });
    this.#handler ??= new DefaultRequestHandler(card, this.#store, this);
    const requestHandler = this.#handler;
    const app = express();
    app.use((request, _response, next) => {
      this.authorizations.add(request.headers.authorization);
      if (request.method === 'POST') this.traceparents.add(request.headers['traceparent'] as string);
      next();
    });
    app.use('/.well-known/agent-card.json', agentCardHandler({ agentCardProvider: requestHandler }));
    app.use('/', jsonRpcHandler({ requestHandler, userBuilder: UserBuilder.noAuthentication }));
  }
  #handler: DefaultRequestHandler | undefined;

  /** Its connections break; what it works on goes on. */
  async disappear(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  }

  release(): void {
    for (const go of this.#held.values()) go();
  }

  async execute(
    { taskId, contextId, userMessage, task }: RequestContext,
    bus: ExecutionEventBus,
  ): Promise<void> {
    const text = textOf(userMessage);
    this.received.push(text);
    const ids = { taskId, contextId };
    if (text === 'message') {
      bus.publish(AgentEvent.message({ ...said('only a message'), contextId }));
      return bus.finished();
    }
    const begun = {
      id: taskId,
      contextId,
      status: status(TaskState.TASK_STATE_WORKING),
      artifacts: [],
      history: [userMessage],
      metadata: undefined,
    };
    bus.publish(AgentEvent.task(task ?? begun));
    const tell = (state: TaskState, words?: string): void =>
      bus.publish(AgentEvent.statusUpdate({ ...ids, status: status(state, words), metadata: undefined }));
    if (text === 'ask') {
      tell(TaskState.TASK_STATE_INPUT_REQUIRED, 'where?');
    } else if (text === 'fail') {
      tell(TaskState.TASK_STATE_FAILED, 'no satellite');
    } else {
      tell(TaskState.TASK_STATE_WORKING, 'looking at the sky');
      if (text === 'hold') await new Promise<void>((resolve) => this.#held.set(taskId, resolve));
      if (this.#canceled.has(taskId)) return;
      const { role: _, messageId: __, ...content } = said(`sunny for: ${text}`);
      const artifact = { ...content, artifactId: 'sky', name: 'sky', description: '' };
      bus.publish(
        AgentEvent.artifactUpdate({ ...ids, artifact, append: false, lastChunk: true, metadata: undefined }),
      );
      tell(TaskState.TASK_STATE_COMPLETED);
    }
    bus.finished();
  }
  readonly #canceled = new Set<string>();

  async cancelTask(taskId: string, bus: ExecutionEventBus): Promise<void> {
    this.#canceled.add(taskId);
    this.#held.get(taskId)?.();
    const task = await this.#store.load(taskId, {} as never);
    bus.publish(
      AgentEvent.statusUpdate({
        taskId,
        contextId: task?.contextId ?? '',
        status: status(TaskState.TASK_STATE_CANCELED),
        metadata: undefined,
      }),
    );
    bus.finished();
  }

  get canceled(): readonly string[] {
    return [...this.#canceled];
  }
}

function textOf({ parts }: Message): string {
  return parts.map(({ content }) => (content?.$case === 'text' ? content.value : '')).join('');
}

function said(text: string): Message {
  return {
    messageId: randomUUID(),
    role: Role.ROLE_AGENT,
    parts: [{ content: { $case: 'text', value: text }, metadata: undefined, filename: '', mediaType: '' }],
    contextId: '',
    taskId: '',
    metadata: undefined,
    extensions: [],
    referenceTaskIds: [],
  };
}

function status(state: TaskState, words?: string) {
  return {
    state,
    message: words === undefined ? undefined : said(words),
    timestamp: new Date().toISOString(),
  };
}
