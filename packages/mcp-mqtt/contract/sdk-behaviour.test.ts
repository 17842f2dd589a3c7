/** What the official SDK does over its own linked pair it does over MQTT: unmodified `Client` and `McpServer`, one suite, three carriers. */
import {
  Client,
  InMemoryTransport,
  ProtocolError,
  ProtocolErrorCode,
  type ClientOptions,
} from '@modelcontextprotocol/client';
import { completable, McpServer, ResourceTemplate, Server } from '@modelcontextprotocol/server';
import { createBroker } from '@shoal/broker';
import { testBrokers } from '@shoal/mqtt-link/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { MqttClientTransport, serveMcp, type ConnectableServer } from '../src/index.ts';

interface Carrier {
  connect(client: Client, server: ConnectableServer): Promise<() => Promise<void>>;
  stop(): Promise<void>;
}

async function linkedPair(): Promise<Carrier> {
  return {
    async connect(client, server) {
      const [ours, theirs] = InMemoryTransport.createLinkedPair();
      await server.connect(theirs);
      await client.connect(ours);
      return () => client.close();
    },
    stop: async () => {},
  };
}

function mqtt(start: () => Promise<{ readonly url: string; stop(): Promise<unknown> }>) {
  return async (): Promise<Carrier> => {
    const broker = await start();
    const { url } = broker;
    let count = 0;
    return {
      async connect(client, server) {
        const serverName = `contract/${(count += 1)}`;
        const serving = await serveMcp({ url, serverName, server: () => server });
        await client.connect(new MqttClientTransport({ url, serverName }));
        return async () => {
          await client.close();
          await serving.stop();
        };
      },
      stop: async () => {
        await broker.stop();
      },
    };
  };
}

const carriers = [
  { name: 'the linked pair of the SDK', start: linkedPair, skip: false },
  ...testBrokers(createBroker).map(({ name, start, skip }) => ({
    name: `MQTT, ${name}`,
    start: mqtt(start),
    skip,
  })),
];

const text = (value: string) => ({ content: [{ type: 'text' as const, text: value }] });
const signalOf = () => {
  let fire!: (value: unknown) => void;
  const fired = new Promise<unknown>((resolve) => (fire = resolve));
  return { fire, fired };
};

for (const { name, start, skip } of carriers)
  describe.skipIf(skip)(`the SDK over ${name}`, () => {
    let carrier: Carrier;
    const closers: (() => Promise<void>)[] = [];
    beforeAll(async () => {
      carrier = await start();
    });
    afterEach(async () => {
      for (const close of closers.splice(0).toReversed()) await close();
    });
    afterAll(() => carrier?.stop());

    const connect = async (
      server: ConnectableServer,
      options: ClientOptions = {},
      prepare?: (client: Client) => void,
    ) => {
      const client = new Client({ name: 'contract', version: '1.0.0' }, options);
      prepare?.(client);
      closers.push(await carrier.connect(client, server));
      return client;
    };
    const mcpServer = (capabilities = {}) =>
      new McpServer(
        { name: 'contract-server', version: '2.0.0' },
        { instructions: 'Read first.', capabilities },
      );

    it('initialises: version, capabilities, names and instructions of both', async () => {
      const server = mcpServer();
      server.registerTool('noop', {}, () => text('ok'));
      const client = await connect(server);
      expect(client.getServerVersion()).toMatchObject({ name: 'contract-server', version: '2.0.0' });
      expect(client.getServerCapabilities()).toMatchObject({ tools: { listChanged: true } });
      expect(client.getInstructions()).toBe('Read first.');
      expect(server.server.getClientVersion()).toMatchObject({ name: 'contract' });
    });

    it('tools: list, call, structured results, tool errors, wrong arguments', async () => {
      const server = mcpServer();
      server.registerTool(
        'add',
        {
          description: 'Adds.',
          inputSchema: z.object({ a: z.number(), b: z.number() }),
          outputSchema: z.object({ sum: z.number() }),
          annotations: { readOnlyHint: true },
          _meta: { own: 1 },
        },
        ({ a, b }) => ({ ...text(String(a + b)), structuredContent: { sum: a + b } }),
      );
      server.registerTool('fail', {}, () => ({ ...text('no'), isError: true }));
      server.registerTool('throw', {}, () => {
        throw new Error('broken');
      });
      const client = await connect(server);
      const { tools } = await client.listTools();
      expect(tools[0]).toMatchObject({
        name: 'add',
        annotations: { readOnlyHint: true },
        _meta: { own: 1 },
        inputSchema: { required: ['a', 'b'] },
      });
      expect(await client.callTool({ name: 'add', arguments: { a: 2, b: 3 } })).toMatchObject({
        structuredContent: { sum: 5 },
      });
      expect(await client.callTool({ name: 'fail' })).toMatchObject({ isError: true });
      expect(await client.callTool({ name: 'throw' })).toMatchObject({
        isError: true,
        content: [{ text: 'broken' }],
      });
      expect(await client.callTool({ name: 'add', arguments: { a: 'x', b: 1 } })).toMatchObject({
        isError: true,
      });
    });

    it('errors keep their JSON-RPC codes and data', async () => {
      const server = new Server({ name: 's', version: '1' }, { capabilities: { tools: {} } });
      server.setRequestHandler('tools/call', () => {
        throw new ProtocolError(ProtocolErrorCode.InvalidParams, 'rpm is out of range', { maximum: 3000 });
      });
      const client = await connect(server);
      await expect(client.callTool({ name: 'x' })).rejects.toMatchObject({
        code: -32_602,
        message: expect.stringContaining('rpm is out of range'),
        data: { maximum: 3000 },
      });
      await expect(client.request({ method: 'no/such' }, z.object({}))).rejects.toMatchObject({
        code: -32_601,
      });
    });

    it('tools/list_changed reaches the client, which lists again', async () => {
      const server = mcpServer();
      server.registerTool('first', {}, () => text(''));
      const changed = signalOf();
      await connect(server, {
        listChanged: { tools: { onChanged: (_, tools) => changed.fire(tools?.map((tool) => tool.name)) } },
      });
      server.registerTool('second', {}, () => text(''));
      expect(await changed.fired).toEqual(['first', 'second']);
    });

    it('resources: list, templates, read, subscribe, updated, unsubscribe', async () => {
      const subscribed = new Set<string>();
      const server = mcpServer({ resources: { subscribe: true } });
      server.registerResource('log', 'file:///log', { mimeType: 'text/plain' }, (uri) => ({
        contents: [{ uri: uri.href, text: 'line' }],
      }));
      server.registerResource(
        'channel',
        new ResourceTemplate('device://{channel}', { list: undefined }),
        {},
        (uri, { channel }) => ({
          contents: [{ uri: uri.href, text: `value of ${String(channel)}` }],
        }),
      );
      server.server.setRequestHandler('resources/subscribe', ({ params }) => {
        subscribed.add(params.uri);
        return {};
      });
      server.server.setRequestHandler('resources/unsubscribe', ({ params }) => {
        subscribed.delete(params.uri);
        return {};
      });
      const updated = signalOf();
      const client = await connect(server, {}, (one) =>
        one.setNotificationHandler('notifications/resources/updated', ({ params }) =>
          updated.fire(params.uri),
        ),
      );
      expect((await client.listResources()).resources).toMatchObject([
        { uri: 'file:///log', mimeType: 'text/plain' },
      ]);
      expect((await client.listResourceTemplates()).resourceTemplates).toMatchObject([
        { uriTemplate: 'device://{channel}' },
      ]);
      expect(await client.readResource({ uri: 'device://flow' })).toMatchObject({
        contents: [{ text: 'value of flow' }],
      });
      await client.subscribeResource({ uri: 'file:///log' });
      expect([...subscribed]).toEqual(['file:///log']);
      await server.server.sendResourceUpdated({ uri: 'file:///log' });
      expect(await updated.fired).toBe('file:///log');
      await client.unsubscribeResource({ uri: 'file:///log' });
      expect(subscribed.size).toBe(0);
      await expect(client.readResource({ uri: 'file:///absent' })).rejects.toThrow(/not found/i);
    });

    it('prompts and completions', async () => {
      const server = mcpServer();
      server.registerPrompt(
        'explain',
        {
          argsSchema: z.object({
            channel: completable(z.string(), (value) =>
              ['flow', 'pressure'].filter((one) => one.startsWith(value)),
            ),
          }),
        },
        ({ channel }) => ({
          messages: [{ role: 'user', content: { type: 'text', text: `What of ${channel}?` } }],
        }),
      );
      const client = await connect(server);
      expect((await client.listPrompts()).prompts).toMatchObject([
        { name: 'explain', arguments: [{ name: 'channel', required: true }] },
      ]);
      expect(await client.getPrompt({ name: 'explain', arguments: { channel: 'flow' } })).toMatchObject({
        messages: [{ content: { text: 'What of flow?' } }],
      });
      expect(
        await client.complete({
          ref: { type: 'ref/prompt', name: 'explain' },
          argument: { name: 'channel', value: 'pr' },
        }),
      ).toMatchObject({ completion: { values: ['pressure'] } });
    });

    it('pagination by cursor, to the end', async () => {
      const server = new Server({ name: 's', version: '1' }, { capabilities: { tools: {} } });
      server.setRequestHandler('tools/list', ({ params }) => {
        const from = Number(params?.cursor ?? 0);
        const tools = [from, from + 1].map((n) => ({
          name: `t${n}`,
          inputSchema: { type: 'object' as const },
        }));
        return { tools, ...(from < 4 ? { nextCursor: String(from + 2) } : {}) };
      });
      const client = await connect(server);
      const names: string[] = [];
      let cursor: string | undefined;
      do {
        const page: { tools: { name: string }[]; nextCursor?: string | undefined } = await client.request({
          method: 'tools/list',
          params: cursor === undefined ? {} : { cursor },
        });
        names.push(...page.tools.map((tool) => tool.name));
        cursor = page.nextCursor;
      } while (cursor !== undefined);
      expect(names).toEqual(['t0', 't1', 't2', 't3', 't4', 't5']);
    });

    it('progress of a call, in order, before its result', async () => {
      const server = mcpServer();
      server.registerTool('slow', {}, async (ctx) => {
        // oxlint-disable-next-line no-underscore-dangle -- MCP's own name
        const progressToken = ctx.mcpReq._meta?.progressToken as string | number;
        for (const progress of [1, 2, 3])
          await ctx.mcpReq.notify({
            method: 'notifications/progress',
            params: { progressToken, progress, total: 3 },
          });
        return text('done');
      });
      const client = await connect(server);
      const seen: number[] = [];
      const result = await client.callTool(
        { name: 'slow' },
        { onprogress: ({ progress }) => void seen.push(progress) },
      );
      expect(result).toMatchObject({ content: [{ text: 'done' }] });
      expect(seen).toEqual([1, 2, 3]);
    });

    it('cancellation reaches the handler, and the session goes on', async () => {
      const server = mcpServer();
      const started = signalOf();
      const aborted = signalOf();
      server.registerTool('never', {}, (ctx) => {
        ctx.mcpReq.signal.addEventListener('abort', () => aborted.fire(ctx.mcpReq.signal.reason));
        started.fire(true);
        return new Promise<never>(() => {});
      });
      server.registerTool('quick', {}, () => text('ok'));
      const client = await connect(server);
      const aborter = new AbortController();
      const call = client.callTool({ name: 'never' }, { signal: aborter.signal });
      await started.fired;
      aborter.abort('enough');
      await expect(call).rejects.toThrow(/enough/);
      expect(String(await aborted.fired)).toMatch(/enough/);
      expect(await client.callTool({ name: 'quick' })).toMatchObject({ content: [{ text: 'ok' }] });
    });

    it('logging at the level that the client sets', async () => {
      const server = mcpServer({ logging: {} });
      server.registerTool('warn', {}, async ({ sessionId }) => {
        await server.sendLoggingMessage({ level: 'debug', data: 'small' }, sessionId);
        await server.sendLoggingMessage({ level: 'error', data: 'big' }, sessionId);
        return text('');
      });
      const logged: unknown[] = [];
      const got = signalOf();
      const client = await connect(server, {}, (one) =>
        one.setNotificationHandler('notifications/message', ({ params }) => {
          logged.push(params.data);
          got.fire(true);
        }),
      );
      await client.setLoggingLevel('warning');
      await client.callTool({ name: 'warn' });
      await got.fired;
      expect(logged).toEqual(['big']);
    });

    it('sampling: the server asks the model of the client', async () => {
      const server = mcpServer();
      server.registerTool('think', {}, async () => {
        const answer = await server.server.createMessage({
          messages: [{ role: 'user', content: { type: 'text', text: 'Why?' } }],
          maxTokens: 10,
        });
        return text(JSON.stringify(answer.content));
      });
      const client = await connect(server, { capabilities: { sampling: {} } }, (one) =>
        one.setRequestHandler('sampling/createMessage', ({ params }) => ({
          model: 'test',
          role: 'assistant',
          content: { type: 'text', text: `asked ${params.messages.length}` },
        })),
      );
      const result = await client.callTool({ name: 'think' });
      expect(JSON.stringify(result.content)).toContain('asked 1');
    });

    it('elicitation: the server asks the person at the client', async () => {
      const server = mcpServer();
      server.registerTool('confirm', {}, async () => {
        const answer = await server.server.elicitInput({
          message: 'Start the pump?',
          requestedSchema: { type: 'object', properties: { yes: { type: 'boolean' } }, required: ['yes'] },
        });
        return text(JSON.stringify(answer));
      });
      const client = await connect(server, { capabilities: { elicitation: { form: {} } } }, (one) =>
        one.setRequestHandler('elicitation/create', () => ({ action: 'accept', content: { yes: true } })),
      );
      const result = await client.callTool({ name: 'confirm' });
      expect(JSON.parse((result.content[0] as { text: string }).text)).toMatchObject({
        action: 'accept',
        content: { yes: true },
      });
    });

    it('roots of the client, and their change', async () => {
      const server = mcpServer();
      server.registerTool('noop', {}, () => text(''));
      const changed = signalOf();
      server.server.setNotificationHandler('notifications/roots/list_changed', () => changed.fire(true));
      const client = await connect(server, { capabilities: { roots: { listChanged: true } } }, (one) =>
        one.setRequestHandler('roots/list', () => ({ roots: [{ uri: 'file:///plant' }] })),
      );
      expect(await server.server.listRoots()).toMatchObject({ roots: [{ uri: 'file:///plant' }] });
      await client.sendRootsListChanged();
      await changed.fired;
    });

    it('pings both ways', async () => {
      const server = mcpServer();
      const client = await connect(server);
      expect(await client.ping()).toEqual({});
      expect(await server.server.ping()).toEqual({});
    });

    it('a close of the client ends the session of the server', async () => {
      const server = mcpServer();
      const ended = signalOf();
      const client = await connect(server);
      // oxlint-disable-next-line unicorn/prefer-add-event-listener -- the SDK has no other
      server.server.onclose = () => ended.fire(true);
      await client.close();
      expect(await ended.fired).toBe(true);
    });

    it('a close of the server ends the client, and what it waited for', async () => {
      const server = mcpServer();
      const started = signalOf();
      server.registerTool('never', {}, () => {
        started.fire(true);
        return new Promise<never>(() => {});
      });
      const client = await connect(server);
      const ended = signalOf();
      // oxlint-disable-next-line unicorn/prefer-add-event-listener -- the SDK has no other
      client.onclose = () => ended.fire(true);
      const call = client.callTool({ name: 'never' });
      const outcome = call.catch((error: unknown) => error);
      await started.fired;
      await server.close();
      await ended.fired;
      expect(await outcome).toBeInstanceOf(Error);
    });
  });
