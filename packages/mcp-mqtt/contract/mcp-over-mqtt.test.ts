/** The same behaviour over the embedded broker and over Mosquitto. */
import { createBroker } from '@shoal/broker';
import { openLink, type InboundMessage, type Link } from '@shoal/mqtt-link';
import {
  mosquittoPath,
  nextEvent,
  startFaultProxy,
  startMosquitto,
  type FaultProxy,
} from '@shoal/mqtt-link/testing';
import { McpServer, ProtocolError } from '@modelcontextprotocol/server';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import {
  callJsonTool,
  connectMcp,
  discoverMcpServers,
  serveMcp,
  watchMcpServers,
  type McpConnection,
  type McpServing,
  type ServeMcpOptions,
} from '../src/index.ts';
import { startSuggestingProxy } from '../test/suggesting-proxy.ts';

const MAX_PACKET_BYTES = 256 * 1024;

interface TestBroker {
  readonly url: string;
  readonly host: string;
  readonly port: number;
  stop(): Promise<void>;
}

async function startEmbedded(): Promise<TestBroker> {
  const broker = createBroker({ allowAnonymous: true, limits: { maxPacketBytes: MAX_PACKET_BYTES } });
  const { tcp } = await broker.start();
  return { url: tcp!.url, host: tcp!.host, port: tcp!.port, stop: () => broker.stop() };
}

const brokers = [
  { name: 'embedded broker', start: startEmbedded, missing: false },
  {
    name: 'Mosquitto',
    start: () => startMosquitto({ config: [`max_packet_size ${MAX_PACKET_BYTES}`] }),
    missing: mosquittoPath() === undefined,
  },
];

const serverName = 'shoal/acme/plant-1/pump-01';
const serverId = 'acme.plant-1.pump-01';

/** One server per session, each with a counter of its own. */
function countingServer(): McpServer {
  const server = new McpServer({ name: 'pump-01', version: '1.0.0' });
  let calls = 0;
  server.registerTool('count', { inputSchema: z.object({}) }, () => json({ calls: (calls += 1) }));
  server.registerTool('text', { inputSchema: z.object({ bytes: z.number().int().min(0) }) }, ({ bytes }) =>
    json({ text: 'x'.repeat(bytes) }),
  );
  server.registerTool('fail', { inputSchema: z.object({}) }, () => {
    throw new Error('the sensor is broken');
  });
  server.registerTool('never', { inputSchema: z.object({}) }, () => new Promise<never>(() => {}));
  server.registerTool('add_tool', { inputSchema: z.object({}) }, () => {
    server.registerTool('late', { inputSchema: z.object({}) }, () => json({}));
    return json({});
  });
  return server;
}

const json = (value: Record<string, unknown>) => ({
  content: [{ type: 'text' as const, text: JSON.stringify(value) }],
  structuredContent: value,
});

for (const { name, start, missing } of brokers)
  describe.skipIf(missing)(`MCP over MQTT on ${name}`, () => {
    let broker: TestBroker;
    const closers: (() => Promise<unknown>)[] = [];
    beforeAll(async () => {
      broker = await start();
    });
    afterEach(async () => {
      for (const close of closers.splice(0).toReversed()) await close();
    });
    afterAll(async () => {
      await broker?.stop();
    });

    const serve = async (options: Partial<ServeMcpOptions> = {}): Promise<McpServing> => {
      const given = { url: broker.url, serverId, serverName, description: 'Pump 1', server: countingServer };
      const serving = await serveMcp({ ...given, ...options });
      closers.push(() => serving.stop());
      return serving;
    };
    const connect = async (
      options: Partial<Parameters<typeof connectMcp>[0]> = {},
    ): Promise<McpConnection> => {
      const connection = await connectMcp({ url: broker.url, serverName, ...options });
      closers.push(() => connection.close());
      return connection;
    };
    const observer = async (): Promise<Link> => {
      const link = await openLink({
        url: broker.url,
        clientId: `observer-${Math.random().toString(36).slice(2)}`,
      });
      closers.push(() => link.close());
      return link;
    };
    const suggesting = async (userProperties: Record<string, string>) => {
      const proxy = await startSuggestingProxy(broker, userProperties);
      closers.push(() => proxy.stop());
      return proxy;
    };
    const proxied = async (): Promise<FaultProxy> => {
      const proxy = await startFaultProxy(broker);
      closers.push(() => proxy.stop());
      return proxy;
    };

    it('a client lists and calls the tools of a server it knows by name only', async () => {
      await serve();
      const { client, server } = await connect();
      expect(server).toMatchObject({ serverId, serverName, description: 'Pump 1' });
      expect(client.getNegotiatedProtocolVersion()).toBe('2025-03-26');
      const { tools } = await client.listTools();
      expect(tools.map((tool) => tool.name)).toEqual(['count', 'text', 'fail', 'never', 'add_tool']);
      expect(await callJsonTool(client, 'count')).toEqual({ calls: 1 });
      await client.ping();
    });

    it('two clients on one server have sessions of their own', async () => {
      const serving = await serve();
      const [one, two] = await Promise.all([connect(), connect()]);
      expect(one.mcpClientId).not.toBe(two.mcpClientId);
      expect(await callJsonTool(one.client, 'count')).toEqual({ calls: 1 });
      expect(await callJsonTool(one.client, 'count')).toEqual({ calls: 2 });
      expect(await callJsonTool(two.client, 'count')).toEqual({ calls: 1 });
      expect([...serving.sessions].sort()).toEqual([one.mcpClientId, two.mcpClientId].sort());
    });

    it('results up to the packet size arrive whole, larger ones are an error that says so', async () => {
      await serve();
      const { client } = await connect();
      const { text } = await callJsonTool(client, 'text', { bytes: 100_000 });
      expect(text).toHaveLength(100_000);
      await expect(callJsonTool(client, 'text', { bytes: 300_000 })).rejects.toThrow(
        /too large.*ask for a part of it/,
      );
      expect(await callJsonTool(client, 'count')).toEqual({ calls: 1 });
    });

    it('a request larger than the packet size fails here, before it is sent', async () => {
      await serve();
      const { client } = await connect();
      const call = client.callTool({ name: 'count', arguments: { padding: 'x'.repeat(300_000) } });
      await expect(call).rejects.toMatchObject({ code: 'message-too-large' });
      expect(await callJsonTool(client, 'count')).toEqual({ calls: 1 });
    });

    it('errors tell a failed tool, wrong arguments, an unknown tool and a slow one apart', async () => {
      await serve();
      const { client } = await connect();
      await expect(callJsonTool(client, 'fail')).rejects.toMatchObject({
        code: 'tool-failed',
        message: /sensor is broken/,
      });
      await expect(callJsonTool(client, 'text', { bytes: -1 })).rejects.toMatchObject({
        code: 'tool-failed',
        message: /bytes/,
      });
      await expect(callJsonTool(client, 'nothing')).rejects.toSatisfy((error) =>
        ProtocolError.isInstance(error),
      );
      await expect(callJsonTool(client, 'never', {}, { timeout: 100 })).rejects.toMatchObject({
        code: 'request-timeout',
        message: '"tools/call" was not answered in 100 ms',
      });
    });

    it('a server whose socket is destroyed fails the calls that wait, and is found again after its reconnect', async () => {
      const proxy = await proxied();
      const serving = await serve({ url: proxy.url, reconnect: { minDelayMs: 20, maxDelayMs: 50 } });
      const first = await connect();
      const waiting = callJsonTool(first.client, 'never');
      const outcome = waiting.catch((error: unknown) => error);
      const online = nextEvent(serving.link, 'online');
      proxy.cut();
      expect(await outcome).toMatchObject({
        code: 'server-offline',
        message: expect.stringMatching(/tools\/call.*went offline/),
      });
      expect(await first.closed).toMatchObject({ code: 'server-offline' });
      await expect(callJsonTool(first.client, 'count')).rejects.toMatchObject({ code: 'server-offline' });
      await online;
      const second = await connect();
      expect(await callJsonTool(second.client, 'count')).toEqual({ calls: 1 });
      expect(serving.sessions).toEqual([second.mcpClientId]);
    });

    it('a server that stops withdraws its presence; a client then names what it looked for', async () => {
      const serving = await serve();
      const { closed, client } = await connect();
      await serving.stop();
      await serving.stop();
      expect(await closed).toMatchObject({ code: 'server-offline' });
      await expect(client.ping()).rejects.toMatchObject({ code: 'server-offline' });
      await expect(connect({ discoveryTimeoutMs: 100 })).rejects.toMatchObject({
        code: 'server-not-found',
        message: new RegExp(serverName),
      });
      expect(await discoverMcpServers(await observer(), '#')).toEqual([]);
    });

    it('a client that waits for a server finds it when it comes', async () => {
      const waiting = connect();
      await serve();
      expect(await callJsonTool((await waiting).client, 'count')).toEqual({ calls: 1 });
    });

    it('the server drops the session of a client that leaves, and of one that dies', async () => {
      const proxy = await proxied();
      const serving = await serve();
      const leaver = await connect();
      const link = await observer();
      const gone = async (id: string): Promise<{ message: Promise<InboundMessage> }> => {
        let seen!: (message: InboundMessage) => void;
        const message = new Promise<InboundMessage>((resolve) => (seen = resolve));
        await link.subscribe(`$mcp-client/presence/${id}`, seen);
        return { message };
      };
      const left = await gone(leaver.mcpClientId);
      await leaver.close();
      await leaver.close();
      expect((await left.message).text()).toContain('notifications/disconnected');
      const casualty = await connect({ url: proxy.url });
      const died = await gone(casualty.mcpClientId);
      proxy.cut();
      await died.message;
      expect(await casualty.closed).toMatchObject({ code: 'connection-lost' });
      await expect.poll(() => serving.sessions).toEqual([]);
    });

    it('more clients than sessions are refused with an error, and served when one leaves', async () => {
      const serving = await serve({ maxSessions: 1 });
      const first = await connect();
      await expect(connect()).rejects.toThrow(/all 1 sessions of this server are taken/);
      await first.close();
      await expect.poll(() => serving.sessions).toEqual([]);
      expect(await callJsonTool((await connect()).client, 'count')).toEqual({ calls: 1 });
    });

    it('more unanswered requests than allowed are refused, the others go on', async () => {
      await serve({ maxInFlight: 1 });
      const { client, close } = await connect();
      const waiting = callJsonTool(client, 'never').catch((error: unknown) => error);
      await expect(callJsonTool(client, 'count')).rejects.toThrow(/requests of this client are unanswered/);
      await close();
      expect(await waiting).toMatchObject({
        code: 'closed',
        message: '"tools/call": the client closed the connection',
      });
    });

    it('a change of the tools reaches every client once, over the capability topic', async () => {
      await serve();
      const changes: string[] = [];
      const link = await observer();
      await link.subscribe(
        `$mcp-server/capability/${serverId}/${serverName}`,
        (message) => void changes.push(message.text()),
      );
      const changed: (() => void)[] = [];
      const notified = [0, 1].map(() => new Promise<void>((resolve) => changed.push(resolve)));
      const [one] = await Promise.all(
        changed.map((onChanged) =>
          connect({
            clientOptions: { listChanged: { tools: { autoRefresh: false, debounceMs: 0, onChanged } } },
          }),
        ),
      );
      await callJsonTool(one!.client, 'add_tool');
      await Promise.all(notified);
      expect(changes).toHaveLength(1);
      expect(changes[0]).toContain('notifications/tools/list_changed');
    });

    it('malformed packets are answered or ignored, and hurt nobody', async () => {
      const serving = await serve();
      const { client, mcpClientId } = await connect();
      const link = await observer();
      const control = `$mcp-server/${serverId}/${serverName}`;
      const from = (id: string) => ({
        userProperties: { 'MCP-COMPONENT-TYPE': 'mcp-client', 'MCP-MQTT-CLIENT-ID': id },
      });
      const refused = new Promise<string>((resolve) => {
        void link.subscribe(`$mcp-rpc/stranger/${serverId}/${serverName}`, (message) =>
          resolve(message.text()),
        );
      });
      for (const payload of ['', '{', '[]', '{"jsonrpc":"2.0"}', '{"jsonrpc":"2.0","method":"x"}']) {
        await link.publish(control, payload, from('stranger'));
        await link.publish(`$mcp-rpc/${mcpClientId}/${serverId}/${serverName}`, payload);
      }
      await link.publish(control, Uint8Array.of(0xff, 0xfe), from('stranger'));
      await link.publish(control, '{"jsonrpc":"2.0","id":1,"method":"initialize"}');
      await link.publish(control, '{"jsonrpc":"2.0","id":1,"method":"initialize"}', from('a/b'));
      await link.publish(`$mcp-server/presence/other/${serverName}`, '{"method":1}');
      await link.publish(control, '{"jsonrpc":"2.0","id":9,"method":"tools/list"}', from('stranger'));
      expect(JSON.parse(await refused)).toMatchObject({
        id: 9,
        error: { code: -32_600, message: /initialize/ },
      });
      expect(await callJsonTool(client, 'count')).toEqual({ calls: 1 });
      expect(serving.sessions).toEqual([mcpClientId]);
    });

    it('a handshake that is not finished is dropped', async () => {
      const serving = await serve({ handshakeTimeoutMs: 300 });
      const link = await observer();
      const answered = new Promise<string>((resolve) => {
        void link.subscribe(`$mcp-rpc/half/${serverId}/${serverName}`, (message) => resolve(message.text()));
      });
      const params = {
        protocolVersion: '2025-03-26',
        capabilities: {},
        clientInfo: { name: 'half', version: '1' },
      };
      await link.publish(
        `$mcp-server/${serverId}/${serverName}`,
        JSON.stringify({ jsonrpc: '2.0', id: 0, method: 'initialize', params }),
        {
          userProperties: { 'MCP-MQTT-CLIENT-ID': 'half' },
        },
      );
      expect(JSON.parse(await answered)).toMatchObject({ id: 0, result: { protocolVersion: '2025-03-26' } });
      await expect.poll(() => serving.sessions).toEqual([]);
    });

    it('the packets carry what the specification demands', async () => {
      const link = await observer();
      const seen: InboundMessage[] = [];
      await link.subscribe('$mcp-server/#', (message) => void seen.push(message));
      await serve();
      const { client, mcpClientId } = await connect();
      await link.subscribe(`$mcp-rpc/${mcpClientId}/#`, (message) => void seen.push(message));
      await client.ping();
      await expect.poll(() => seen.length).toBeGreaterThanOrEqual(4);
      const senders = seen.map(({ topic, userProperties }) => [
        topic.split('/')[0],
        userProperties['MCP-COMPONENT-TYPE'],
        userProperties['MCP-MQTT-CLIENT-ID'],
      ]);
      expect(senders).toEqual([
        ['$mcp-server', 'mcp-server', serverId],
        ['$mcp-server', 'mcp-client', mcpClientId],
        ['$mcp-rpc', 'mcp-client', mcpClientId],
        ['$mcp-rpc', 'mcp-server', serverId],
      ]);
      expect(JSON.parse(seen[0]!.text())).toMatchObject({
        method: 'notifications/server/online',
        params: { server_name: serverName },
      });
    });

    it('servers are discovered and followed by a filter over their names', async () => {
      const link = await observer();
      const events: string[] = [];
      const watch = await watchMcpServers(link, 'shoal/acme/+/pump-01', {
        onOnline: (server) => events.push(`+${server.serverName}`),
        onOffline: (server) => events.push(`-${server.serverName}`),
      });
      const serving = await serve();
      await serve({ serverId: 'other', serverName: 'elsewhere/pump-01' });
      await expect.poll(() => events).toEqual([`+${serverName}`]);
      const names = async (filter: string): Promise<string[]> =>
        (await discoverMcpServers(link, filter)).map((server) => server.serverName).sort();
      expect(await names('#')).toEqual(['elsewhere/pump-01', serverName]);
      expect(await names('shoal/#')).toEqual([serverName]);
      expect(await names('nothing/#')).toEqual([]);
      await serving.stop();
      await expect.poll(() => events).toEqual([`+${serverName}`, `-${serverName}`]);
      await watch.close();
    });

    it('a name that the broker suggests becomes the name of the server, in its will too', async () => {
      const proxy = await suggesting({ 'MCP-SERVER-NAME': 'given/by/broker' });
      const link = await observer();
      const serving = await serve({ url: proxy.url });
      expect(serving.serverName).toBe('given/by/broker');
      expect(await discoverMcpServers(link, '#')).toMatchObject([
        { serverId, serverName: 'given/by/broker' },
      ]);
      const offline = new Promise<void>((resolve) => {
        void watchMcpServers(link, '#', {
          onOnline: () => serving.link.destroy(),
          onOffline: () => resolve(),
        });
      });
      await offline;
    });

    it('filters that the broker suggests bound what a client finds', async () => {
      await serve();
      await serve({ serverId: 'other', serverName: 'elsewhere/pump-01' });
      const proxy = await suggesting({ 'MCP-SERVER-NAME-FILTERS': '["elsewhere/#"]' });
      await expect(connect({ url: proxy.url })).rejects.toMatchObject({ code: 'not-allowed' });
      const allowed = await connect({ url: proxy.url, serverName: 'elsewhere/pump-01' });
      expect(await callJsonTool(allowed.client, 'count')).toEqual({ calls: 1 });
      const link = await openLink({ url: proxy.url, clientId: 'bounded' });
      closers.push(() => link.close());
      expect(await discoverMcpServers(link, '#')).toMatchObject([{ serverName: 'elsewhere/pump-01' }]);
    });

    it('a presence with another epoch ends the connection: the server restarted', async () => {
      await serve();
      const { closed, server } = await connect();
      const params = { server_name: serverName, description: '', meta: { shoal: { epoch: 'another' } } };
      const link = await observer();
      await link.publish(
        `$mcp-server/presence/${server.serverId}/${serverName}`,
        JSON.stringify({ jsonrpc: '2.0', method: 'notifications/server/online', params }),
      );
      expect(await closed).toMatchObject({
        code: 'server-offline',
        message: expect.stringMatching(/restarted/),
      });
    });

    it('connecting can be given up', async () => {
      const aborter = new AbortController();
      const waiting = connect({ signal: aborter.signal });
      aborter.abort();
      await expect(waiting).rejects.toMatchObject({ code: 'closed' });
      await expect(connect({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'closed' });
    });

    // Mosquitto 2.0.11 closes the old connection without 0x8E, so that both reconnect and evict each other: see the README.
    it.skipIf(name === 'Mosquitto')(
      'a second server with the same id takes over, and the first one gives up',
      async () => {
        const first = await serve();
        const fenced = nextEvent(first.link, 'fenced');
        await serve();
        await fenced;
        expect(await callJsonTool((await connect()).client, 'count')).toEqual({ calls: 1 });
        expect(first.sessions).toEqual([]);
      },
    );

    it('the broker being unreachable is an error of the link', async () => {
      await expect(
        connectMcp({ url: 'mqtt://127.0.0.1:1', serverName, connectTimeoutMs: 500 }),
      ).rejects.toMatchObject({ name: 'LinkError' });
    });
  });
