/** What the text adds to MCP: roles, instances, health checks, versions, limits. On the embedded broker and on Mosquitto. */
import { Client, ProtocolError } from '@modelcontextprotocol/client';
import { McpServer } from '@modelcontextprotocol/server';
import { createBroker } from '@shoal/broker';
import { openLink, type InboundMessage, type Link } from '@shoal/mqtt-link';
import { mosquittoPath, startFaultProxy, startMosquitto } from '@shoal/mqtt-link/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import {
  callJsonTool,
  connectMcp,
  MqttClientTransport,
  NOT_ALLOWED,
  serveMcp,
  type DiscoveredMcpServer,
  type McpConnection,
  type McpServing,
  type ServeMcpOptions,
} from '../src/index.ts';
import { startSuggestingProxy } from '../test/suggesting-proxy.ts';

const startEmbedded = async () => {
  const broker = createBroker({ allowAnonymous: true });
  const { tcp } = await broker.start();
  return { url: tcp!.url, host: tcp!.host, port: tcp!.port, stop: () => broker.stop() };
};
const brokers = [
  { name: 'embedded broker', start: startEmbedded, missing: false },
  { name: 'Mosquitto', start: startMosquitto, missing: mosquittoPath() === undefined },
];

const serverName = 'shoal/acme/plant-1/pump-01';
const ok = { content: [{ type: 'text' as const, text: '{"ok":true}' }] };

function toolServer(): McpServer {
  const server = new McpServer({ name: 'pump-01', version: '1.0.0' });
  server.registerTool('read_speed', {}, () => ok);
  server.registerTool('stop', {}, () => ok);
  server.registerResource('log', 'file:///log', {}, (uri) => ({ contents: [{ uri: uri.href, text: 'x' }] }));
  return server;
}

for (const { name, start, missing } of brokers)
  describe.skipIf(missing)(`MCP over MQTT on ${name}`, () => {
    let broker: Awaited<ReturnType<typeof start>>;
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
      const serving = await serveMcp({ url: broker.url, serverName, server: toolServer, ...options });
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
      const clientId = `observer-${Math.random().toString(36).slice(2)}`;
      const link = await openLink({ url: broker.url, clientId });
      closers.push(() => link.close());
      return link;
    };
    const suggesting = async (userProperties: Record<string, string>) => {
      const proxy = await startSuggestingProxy(broker, userProperties);
      closers.push(() => proxy.stop());
      return proxy;
    };
    const named = (wanted: string) => (instances: readonly DiscoveredMcpServer[]) =>
      instances.find(({ serverId }) => serverId === wanted) ?? instances[0]!;

    describe('roles', () => {
      const roles = [
        { name: 'admin', allowedMethods: 'all', allowedTools: 'all', allowedResources: 'all' },
        {
          name: 'viewer',
          description: 'looks',
          allowedMethods: ['tools/list', 'tools/call', 'resources/read'],
          allowedTools: ['read_speed'],
          allowedResources: ['file:///log'],
        },
      ] as const;
      const rbac: ServeMcpOptions['rbac'] = {
        roles,
        rolesOf: ({ mcpClientId }) => [mcpClientId.split('-')[0]!],
      };

      it('are announced with the presence, and bound what a client may ask for', async () => {
        await serve({ rbac });
        const viewer = await connect({ clientId: 'viewer' });
        expect(viewer.server.meta).toMatchObject({
          rbac: {
            roles: [
              { name: 'admin', allowed_tools: 'all' },
              { name: 'viewer', allowed_tools: ['read_speed'] },
            ],
          },
        });
        expect(await callJsonTool(viewer.client, 'read_speed')).toEqual({ ok: true });
        const refused = await viewer.client.callTool({ name: 'stop' }).catch((error: unknown) => error);
        expect(ProtocolError.isInstance(refused)).toBe(true);
        expect(refused).toMatchObject({ code: NOT_ALLOWED, data: { method: 'tools/call', name: 'stop' } });
        await expect(viewer.client.listResources()).rejects.toMatchObject({ code: NOT_ALLOWED });
        await expect(viewer.client.readResource({ uri: 'file:///other' })).rejects.toMatchObject({
          code: NOT_ALLOWED,
        });
        expect(await viewer.client.readResource({ uri: 'file:///log' })).toMatchObject({
          contents: [{ text: 'x' }],
        });
        await viewer.client.ping();
        const admin = await connect({ clientId: 'admin' });
        expect(await callJsonTool(admin.client, 'stop')).toEqual({ ok: true });
      });

      it('that nobody gave allow nothing but the handshake and ping', async () => {
        await serve({ rbac });
        const stranger = await connect({ clientId: 'stranger' });
        await stranger.client.ping();
        await expect(stranger.client.listTools()).rejects.toMatchObject({ code: NOT_ALLOWED });
      });

      it('of the broker tell a client what it may do', async () => {
        await serve({ rbac });
        const property = JSON.stringify([
          { server_name: serverName, role_name: 'viewer' },
          { server_name: 'other', role_name: 'admin' },
        ]);
        const proxy = await suggesting({ 'MCP-RBAC': property });
        expect((await connect({ url: proxy.url, clientId: 'viewer' })).roles).toEqual([roles[1]]);
        expect((await connect({ clientId: 'viewer' })).roles).toBeUndefined();
      });
    });

    describe('several instances of one server name', () => {
      it('share the clients; the client chooses', async () => {
        const servings = await Promise.all(['one', 'two', 'three'].map((serverId) => serve({ serverId })));
        const seen = new Set<string>();
        const choose = (instances: readonly DiscoveredMcpServer[]): DiscoveredMcpServer => {
          for (const { serverId } of instances) seen.add(serverId);
          return instances.find(({ serverId }) => serverId === 'two')!;
        };
        const { server } = await connect({ choose });
        expect(server.serverId).toBe('two');
        expect([...seen].sort()).toEqual(['one', 'three', 'two']);
        expect(servings.map(({ sessions }) => sessions.length)).toEqual([0, 1, 0]);
      });

      it('are chosen at random by default, from all of them', async () => {
        const servings = await Promise.all(['one', 'two'].map((serverId) => serve({ serverId })));
        // 1 in 2^23 to miss one of two.
        await Promise.all(Array.from({ length: 24 }, () => connect()));
        for (const { sessions } of servings) expect(sessions.length).toBeGreaterThan(0);
      });

      it('stand in for one that takes no more sessions', async () => {
        await serve({ serverId: 'full', maxSessions: 0 });
        await serve({ serverId: 'free' });
        expect((await connect({ choose: named('full') })).server.serverId).toBe('free');
        await expect(connect({ choose: named('full'), maxInstances: 1 })).rejects.toThrow(
          /sessions of this server are taken/,
        );
        await expect(connect({ serverId: 'full' })).rejects.toThrow(/sessions of this server are taken/);
      });

      it('stand in for one that does not answer', async () => {
        const link = await observer();
        const params = { server_name: serverName, description: 'nobody is behind this' };
        await link.publish(
          `$mcp-server/presence/ghost/${serverName}`,
          JSON.stringify({ jsonrpc: '2.0', method: 'notifications/server/online', params }),
          { retain: true },
        );
        closers.push(() => link.publish(`$mcp-server/presence/ghost/${serverName}`, '', { retain: true }));
        await serve({ serverId: 'free' });
        const connection = await connect({ choose: named('ghost'), timeouts: { initialize: 300 } });
        expect(connection.server.serverId).toBe('free');
      });

      it('take over when one is gone: the client connects again', async () => {
        const proxy = await startFaultProxy(broker);
        closers.push(() => proxy.stop());
        await serve({ serverId: 'doomed', url: proxy.url, reconnect: false });
        await serve({ serverId: 'safe' });
        const first = await connect({ choose: named('doomed') });
        expect(first.server.serverId).toBe('doomed');
        proxy.cut();
        expect(await first.closed).toMatchObject({ code: 'server-offline' });
        expect((await connect({ choose: named('doomed') })).server.serverId).toBe('safe');
      });
    });

    describe('health checks', () => {
      it('a client that does not answer a ping loses its session, and is told', async () => {
        const serving = await serve({ serverId: 'pinging', pingAfterMs: 200, pingTimeoutMs: 200 });
        const link = await observer();
        const seen: { method?: string; id?: unknown }[] = [];
        const topic = `$mcp-rpc/mute/pinging/${serverName}`;
        await link.subscribe(topic, (message) => void seen.push(JSON.parse(message.text()) as object), {
          noLocal: true,
        });
        const params = {
          protocolVersion: '2025-03-26',
          capabilities: {},
          clientInfo: { name: 'mute', version: '1' },
        };
        await link.publish(
          `$mcp-server/pinging/${serverName}`,
          JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params }),
          { userProperties: { 'MCP-MQTT-CLIENT-ID': 'mute' } },
        );
        await expect.poll(() => seen.length, { timeout: 10_000 }).toBeGreaterThan(0);
        await link.publish(topic, '{"jsonrpc":"2.0","method":"notifications/initialized"}');
        await expect.poll(() => seen.at(-1)?.method, { timeout: 10_000 }).toBe('notifications/disconnected');
        expect(seen.map(({ method }) => method)).toContain('ping');
        await expect.poll(() => serving.sessions, { timeout: 10_000 }).toEqual([]);
      });

      it('a client that answers keeps its session', async () => {
        const serving = await serve({ serverId: 'pinging', pingAfterMs: 20, pingTimeoutMs: 10_000 });
        const link = await observer();
        const { mcpClientId } = await connect({ serverId: 'pinging' });
        let pings = 0;
        await link.subscribe(`$mcp-rpc/${mcpClientId}/pinging/${serverName}`, (message) => {
          if (message.text().includes('"ping"')) pings += 1;
        });
        await expect.poll(() => pings, { timeout: 10_000 }).toBeGreaterThan(2);
        expect(serving.sessions).toEqual([mcpClientId]);
      });

      it('a server that does not answer a ping is told and left', async () => {
        const link = await observer();
        const { client, closed, mcpClientId, server } = await connectToMute(link);
        const told = new Promise<string>((resolve) => {
          void link.subscribe(`$mcp-client/presence/${mcpClientId}`, (message) => resolve(message.text()));
        });
        await expect(client.ping({ timeout: 200 })).rejects.toMatchObject({ code: 'request-timeout' });
        expect(JSON.parse(await told)).toMatchObject({ method: 'notifications/disconnected' });
        expect(await closed).toMatchObject({ code: 'request-timeout' });
        expect(server.serverId).toBe('mute');
      });

      /** A server that finishes the handshake and then says nothing. */
      async function connectToMute(link: Link): Promise<McpConnection> {
        const presence = `$mcp-server/presence/mute/${serverName}`;
        await link.subscribe(`$mcp-server/mute/${serverName}`, async (message) => {
          const { id } = JSON.parse(message.text()) as { id: number };
          const result = {
            protocolVersion: '2025-03-26',
            capabilities: {},
            serverInfo: { name: 'mute', version: '1' },
          };
          const client = String(message.userProperties['MCP-MQTT-CLIENT-ID']);
          await link.publish(
            `$mcp-rpc/${client}/mute/${serverName}`,
            JSON.stringify({ jsonrpc: '2.0', id, result }),
          );
        });
        await link.publish(presence, '{"jsonrpc":"2.0","method":"notifications/server/online","params":{}}', {
          retain: true,
        });
        closers.push(() => link.publish(presence, '', { retain: true }));
        return connect({ serverId: 'mute' });
      }
    });

    describe('both ends leave no doubt', () => {
      it('the server de-initialises one client over the RPC topic and stays', async () => {
        const servers: McpServer[] = [];
        const serving = await serve({
          server: () => {
            const server = toolServer();
            servers.push(server);
            return server;
          },
        });
        const link = await observer();
        const first = await connect();
        const seen: InboundMessage[] = [];
        await link.subscribe(`$mcp-rpc/${first.mcpClientId}/#`, (message) => void seen.push(message));
        await servers[0]!.close();
        expect(await first.closed).toMatchObject({ code: 'server-offline', message: /ended the session/ });
        await expect
          .poll(() => seen.map((message) => message.text()), { timeout: 10_000 })
          .toEqual(['{"jsonrpc":"2.0","method":"notifications/disconnected"}']);
        expect(serving.sessions).toEqual([]);
        expect(await callJsonTool((await connect()).client, 'read_speed')).toEqual({ ok: true });
      });

      it('a client that de-initialises over the RPC topic is forgotten', async () => {
        const serving = await serve({ serverId: 'leaving' });
        const { mcpClientId } = await connect();
        const link = await observer();
        await link.publish(
          `$mcp-rpc/${mcpClientId}/leaving/${serverName}`,
          '{"jsonrpc":"2.0","method":"notifications/disconnected"}',
        );
        await expect.poll(() => serving.sessions, { timeout: 10_000 }).toEqual([]);
      });

      it('wills carry the user properties of a publish', async () => {
        const link = await observer();
        const wills: InboundMessage[] = [];
        await link.subscribe(`$mcp-server/presence/dying/${serverName}`, (message) => {
          if (message.payload.length === 0) wills.push(message);
        });
        await link.subscribe('$mcp-client/presence/+', (message) => void wills.push(message));
        const serverProxy = await startFaultProxy(broker);
        const clientProxy = await startFaultProxy(broker);
        closers.push(
          () => serverProxy.stop(),
          () => clientProxy.stop(),
        );
        await serve({ serverId: 'dying', url: serverProxy.url, reconnect: false });
        const { mcpClientId } = await connect({ url: clientProxy.url });
        clientProxy.cut();
        await expect.poll(() => wills.length, { timeout: 10_000 }).toBe(1);
        serverProxy.cut();
        await expect.poll(() => wills.length, { timeout: 10_000 }).toBe(2);
        expect(wills.map(({ userProperties }) => ({ ...userProperties }))).toEqual([
          { 'MCP-COMPONENT-TYPE': 'mcp-client', 'MCP-MQTT-CLIENT-ID': mcpClientId },
          { 'MCP-COMPONENT-TYPE': 'mcp-server', 'MCP-MQTT-CLIENT-ID': 'dying' },
        ]);
      });
    });

    describe('versions and limits', () => {
      it('a version that the server does not speak is answered with one that it does', async () => {
        await serve();
        const client = new Client(
          { name: 'old', version: '1' },
          { supportedProtocolVersions: ['2024-11-05'] },
        );
        await client.connect(new MqttClientTransport({ url: broker.url, serverName }));
        closers.push(() => client.close());
        expect(client.getNegotiatedProtocolVersion()).toBe('2024-11-05');
        const future = new Client(
          { name: 'future', version: '1' },
          { supportedProtocolVersions: ['2020-01-01'] },
        );
        const transport = new MqttClientTransport({ url: broker.url, serverName });
        await expect(future.connect(transport)).rejects.toThrow(/protocol version is not supported/);
        expect(await transport.closed).toMatchObject({ code: 'closed' });
      });

      it('a server that refuses the version is an error with what it supports', async () => {
        const link = await observer();
        await link.subscribe(`$mcp-server/strict/${serverName}`, async (message) => {
          const { id } = JSON.parse(message.text()) as { id: number };
          const data = { supported: ['2025-03-26'], requested: '1.0.0' };
          const error = { code: -32_602, message: 'Unsupported protocol version', data };
          const client = String(message.userProperties['MCP-MQTT-CLIENT-ID']);
          await link.publish(
            `$mcp-rpc/${client}/strict/${serverName}`,
            JSON.stringify({ jsonrpc: '2.0', id, error }),
          );
        });
        const waiting = connect({ serverId: 'strict' });
        waiting.catch(() => {});
        await link.publish(
          `$mcp-server/presence/strict/${serverName}`,
          '{"jsonrpc":"2.0","method":"notifications/server/online","params":{}}',
          { retain: true },
        );
        closers.push(() => link.publish(`$mcp-server/presence/strict/${serverName}`, '', { retain: true }));
        await expect(waiting).rejects.toMatchObject({ code: -32_602, data: { supported: ['2025-03-26'] } });
      });

      it('an initialize that nobody answers ends by its timeout', async () => {
        const link = await observer();
        const presence = `$mcp-server/presence/nobody/${serverName}`;
        await link.publish(presence, '{"jsonrpc":"2.0","method":"notifications/server/online","params":{}}', {
          retain: true,
        });
        closers.push(() => link.publish(presence, '', { retain: true }));
        await expect(connect({ timeouts: { initialize: 100 } })).rejects.toMatchObject({
          code: 'request-timeout',
          message: '"initialize" was not answered in 100 ms',
        });
      });

      it('what the server asks of a client has a deadline too', async () => {
        const servers: McpServer[] = [];
        await serve({
          timeouts: { 'roots/list': 100 },
          server: () => {
            servers.push(toolServer());
            return servers[0]!;
          },
        });
        const client = new Client({ name: 'slow', version: '1' }, { capabilities: { roots: {} } });
        client.setRequestHandler('roots/list', () => new Promise<never>(() => {}));
        await client.connect(new MqttClientTransport({ url: broker.url, serverName }));
        closers.push(() => client.close());
        await expect(servers[0]!.server.listRoots()).rejects.toMatchObject({
          code: 'request-timeout',
          message: '"roots/list" was not answered in 100 ms',
        });
      });

      it('messages above the limit are ignored on both sides, and hurt nobody', async () => {
        await serve({
          maxMessageBytes: 2_000,
          server: () => {
            const server = toolServer();
            const inputSchema = z.object({ pad: z.string().optional(), bytes: z.number() });
            server.registerTool('echo', { inputSchema }, ({ bytes }) => ({
              content: [{ type: 'text', text: 'x'.repeat(bytes) }],
            }));
            return server;
          },
        });
        const { client } = await connect({ maxMessageBytes: 5_000, timeouts: { 'tools/call': 500 } });
        const echo = (bytes: number, pad: string) =>
          client.callTool({ name: 'echo', arguments: { bytes, pad } });
        await expect(echo(1, 'x'.repeat(3_000))).rejects.toMatchObject({ code: 'request-timeout' });
        await expect(echo(6_000, '')).rejects.toMatchObject({ code: 'request-timeout' });
        expect(await client.callTool({ name: 'read_speed' }, { timeout: 20_000 })).toMatchObject(ok);
      });
    });
  });
