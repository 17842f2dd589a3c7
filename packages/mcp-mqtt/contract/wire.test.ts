/** The packets themselves and their order, read along between each end and the embedded broker. */
import { Client } from '@modelcontextprotocol/client';
import { McpServer } from '@modelcontextprotocol/server';
import { createBroker, type Broker } from '@shoal/broker';
import type {
  IConnectPacket,
  IPublishPacket,
  ISubscribePacket,
  IUnsubscribePacket,
  Packet,
} from 'mqtt-packet';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { connectMcp, MqttClientTransport, serveMcp } from '../src/index.ts';
import { startRecordingProxy, type RecordingProxy } from '../test/recording-proxy.ts';

const serverName = 'shoal/acme/pump-01';
const serverId = 'acme.pump-01';

let broker: Broker;
let serverSide: RecordingProxy;
let clientSide: RecordingProxy;
let id: string;
let afterClose: { readonly server: readonly Packet[]; readonly client: readonly Packet[] };

const isPublish = (packet: Packet): packet is IPublishPacket => packet.cmd === 'publish';
const isSubscribe = (packet: Packet): packet is ISubscribePacket => packet.cmd === 'subscribe';
const isUnsubscribe = (packet: Packet): packet is IUnsubscribePacket => packet.cmd === 'unsubscribe';
const connectOf = (proxy: RecordingProxy) =>
  proxy.sent.find(({ cmd }) => cmd === 'connect') as IConnectPacket;
const bodyOf = (packet: IPublishPacket) => String(packet.payload);
/** Where in the order a client's packet stands; -1 when it was never sent. */
const subscribedAt = (proxy: RecordingProxy, topic: string) =>
  proxy.sent.findIndex(
    (packet) => isSubscribe(packet) && packet.subscriptions.some((one) => one.topic === topic),
  );
const publishedAt = (proxy: RecordingProxy, topic: string, text: string) =>
  proxy.sent.findIndex(
    (packet) => isPublish(packet) && packet.topic === topic && bodyOf(packet).includes(text),
  );

beforeAll(async () => {
  broker = createBroker({ allowAnonymous: true });
  const { tcp } = await broker.start();
  serverSide = await startRecordingProxy({ host: tcp!.host, port: tcp!.port });
  clientSide = await startRecordingProxy({ host: tcp!.host, port: tcp!.port });
  const connectMeta = { version: '9.9.9', location: 'hall 3' };
  const serving = await serveMcp({
    url: serverSide.url,
    serverId,
    serverName,
    description: 'Pump 1',
    connectMeta,
    server: () => {
      const server = new McpServer({ name: 'pump', version: '1' });
      server.registerTool('late', {}, () => {
        server.registerTool('later', {}, () => ({ content: [] }));
        return { content: [] };
      });
      return server;
    },
  });
  const { client, mcpClientId, close } = await connectMcp({
    url: clientSide.url,
    serverName,
    connectMeta,
    clientOptions: { capabilities: { roots: { listChanged: true } } },
  });
  id = mcpClientId;
  await client.callTool({ name: 'late' });
  await client.sendRootsListChanged();
  await close();
  await vi.waitUntil(() => serving.sessions.length === 0, { timeout: 10_000 });
  await serving.stop();
  const left = (proxy: RecordingProxy) => proxy.sent.some(({ cmd }) => cmd === 'disconnect');
  await vi.waitUntil(() => left(clientSide) && left(serverSide), { timeout: 10_000 });
  afterClose = { server: [...serverSide.sent], client: [...clientSide.sent] };
});
afterAll(async () => {
  await serverSide?.stop();
  await clientSide?.stop();
  await broker?.stop();
});

const topics = {
  control: `$mcp-server/${serverId}/${serverName}`,
  capability: `$mcp-server/capability/${serverId}/${serverName}`,
  presence: `$mcp-server/presence/${serverId}/${serverName}`,
  clientPresence: () => `$mcp-client/presence/${id}`,
  clientCapability: () => `$mcp-client/capability/${id}`,
  rpc: () => `$mcp-rpc/${id}/${serverId}/${serverName}`,
};

describe('CONNECT', () => {
  it('is MQTT 5 with clean start and no session expiry, on both ends', () => {
    for (const { protocolVersion, clean, properties } of [connectOf(serverSide), connectOf(clientSide)]) {
      expect({ protocolVersion, clean }).toEqual({ protocolVersion: 5, clean: true });
      expect(properties?.sessionExpiryInterval ?? 0).toBe(0);
    }
    expect(connectOf(serverSide).clientId).toBe(serverId);
    expect(connectOf(clientSide).clientId).toBe(id);
  });

  it('names the component and describes it', () => {
    const meta = JSON.stringify({ version: '9.9.9', location: 'hall 3' });
    expect({ ...connectOf(serverSide).properties?.userProperties }).toEqual({
      'MCP-COMPONENT-TYPE': 'mcp-server',
      'MCP-META': meta,
    });
    expect({ ...connectOf(clientSide).properties?.userProperties }).toEqual({
      'MCP-COMPONENT-TYPE': 'mcp-client',
      'MCP-META': meta,
    });
  });

  it('carries the will of the server: empty, retained, on its presence topic', () => {
    expect(connectOf(serverSide).will).toMatchObject({ topic: topics.presence, retain: true });
    expect(connectOf(serverSide).will?.payload).toHaveLength(0);
  });

  it('carries the will of the client: disconnected, on its presence topic', () => {
    const { topic, payload, retain } = connectOf(clientSide).will!;
    expect({ topic, retain }).toEqual({ topic: topics.clientPresence(), retain: false });
    expect(JSON.parse(String(payload))).toEqual({ jsonrpc: '2.0', method: 'notifications/disconnected' });
  });
});

describe('SUBSCRIBE', () => {
  it('sets No Local on the RPC topic, on both ends', () => {
    for (const proxy of [serverSide, clientSide]) {
      const all = proxy.sent.filter(isSubscribe).flatMap(({ subscriptions }) => subscriptions);
      expect(all.filter(({ topic }) => topic === topics.rpc())).toMatchObject([{ nl: true }]);
    }
  });

  it('of the client for RPC and capability changes comes before initialize', () => {
    const initialize = publishedAt(clientSide, topics.control, '"initialize"');
    expect(initialize).toBeGreaterThan(0);
    for (const topic of [topics.rpc(), topics.capability]) {
      expect(subscribedAt(clientSide, topic)).toBeGreaterThan(0);
      expect(subscribedAt(clientSide, topic)).toBeLessThan(initialize);
    }
  });

  it('of the server for RPC, presence and capability of the client comes before its answer', () => {
    const answer = publishedAt(serverSide, topics.rpc(), '"protocolVersion"');
    for (const topic of [topics.rpc(), topics.clientPresence(), topics.clientCapability()]) {
      expect(subscribedAt(serverSide, topic)).toBeGreaterThan(0);
      expect(subscribedAt(serverSide, topic)).toBeLessThan(answer);
    }
  });
});

describe('PUBLISH', () => {
  it('of initialize is the first word of the client, with versions, capabilities and name', () => {
    const first = clientSide.sent.find(isPublish)!;
    expect(first.topic).toBe(topics.control);
    expect(JSON.parse(bodyOf(first))).toMatchObject({
      method: 'initialize',
      params: {
        protocolVersion: '2025-03-26',
        capabilities: { roots: {} },
        clientInfo: { name: '@shoal/mcp-mqtt' },
      },
    });
    expect(publishedAt(clientSide, topics.rpc(), 'notifications/initialized')).toBeGreaterThan(0);
  });

  it('carries component and sender on every packet', () => {
    for (const [proxy, component, sender] of [
      [serverSide, 'mcp-server', serverId],
      [clientSide, 'mcp-client', id],
    ] as const)
      for (const packet of proxy.sent.filter(isPublish))
        expect({ ...packet.properties?.userProperties }).toEqual({
          'MCP-COMPONENT-TYPE': component,
          'MCP-MQTT-CLIENT-ID': sender,
        });
  });

  it('of list changes goes to the capability topics', () => {
    expect(publishedAt(serverSide, topics.capability, 'notifications/tools/list_changed')).toBeGreaterThan(0);
    expect(
      publishedAt(clientSide, topics.clientCapability(), 'notifications/roots/list_changed'),
    ).toBeGreaterThan(0);
    expect(publishedAt(serverSide, topics.rpc(), 'list_changed')).toBe(-1);
    expect(publishedAt(clientSide, topics.rpc(), 'list_changed')).toBe(-1);
  });

  it('of the presence is retained, says little, and is cleared before the end', () => {
    const presence = serverSide.sent.filter(isPublish).filter(({ topic }) => topic === topics.presence);
    expect(presence.map(({ retain, payload }) => [retain, payload.length > 0])).toEqual([
      [true, true],
      [true, false],
    ]);
    const { method, params } = JSON.parse(bodyOf(presence[0]!)) as { method: string; params: object };
    expect(method).toBe('notifications/server/online');
    expect(Object.keys(params).sort()).toEqual(['description', 'meta', 'server_name']);
    expect(bodyOf(presence[0]!)).not.toContain('inputSchema');
  });

  it('of disconnected comes before the client disconnects', () => {
    const told = publishedAt(clientSide, topics.clientPresence(), 'notifications/disconnected');
    const left = afterClose.client.findIndex(({ cmd }) => cmd === 'disconnect');
    expect(told).toBeGreaterThan(0);
    expect(left).toBeGreaterThan(told);
  });
});

describe('UNSUBSCRIBE', () => {
  it('of the server follows the word of the client that it has gone', () => {
    const dropped = afterClose.server.filter(isUnsubscribe).flatMap(({ unsubscriptions }) => unsubscriptions);
    for (const topic of [topics.rpc(), topics.clientPresence(), topics.clientCapability()])
      expect(dropped).toContain(topic);
  });
});

it('each initialize has a client id of its own', async () => {
  const serving = await serveMcp({
    url: serverSide.url,
    serverName: 'again',
    server: () => new McpServer({ name: 'a', version: '1' }),
  });
  const ids: string[] = [];
  for (let n = 0; n < 2; n += 1) {
    const transport = new MqttClientTransport({ url: clientSide.url, serverName: 'again' });
    const client = new Client({ name: 'c', version: '1' });
    await client.connect(transport);
    ids.push(transport.mcpClientId);
    await client.close();
  }
  await serving.stop();
  expect(new Set(ids).size).toBe(2);
});
