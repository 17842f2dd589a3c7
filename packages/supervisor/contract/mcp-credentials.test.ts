import { McpServer } from '@modelcontextprotocol/server';
import { authenticateAny, authenticateJwt, createBroker, type Broker } from '@shoal/broker';
import { connectMcp, mcpClientAccess, mcpServerAccess, serveMcp, type McpServing } from '@shoal/mcp-mqtt';
import { isLinkError, openLink, type Link } from '@shoal/mqtt-link';
import { mcpClientIdOf } from '@shoal/protocol';
import { exportJWK, generateKeyPair, type JWK } from 'jose';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { instanceAccess, jwtIssuer, type JwtIssuerOptions } from '../src/index.ts';
import { stepOrder } from '../src/testing/index.ts';

const TOKENS = { issuer: 'https://supervisor.example', audience: 'broker' };
const PUMP = 'shoal/o/u/pump';
const VALVE = 'shoal/o/u/valve';
const GAUGE = { serverId: 'gauge-1', serverName: 'shoal/o/u/gauge' };
const address = { org: 'o', unit: 'u', agentId: 's1.a' };

const order = stepOrder({ sessionId: 's1', claimId: 'c', blueprint: 'operate' });

let broker: Broker;
let url: string;
let key: JWK;
const devices: McpServing[] = [];

/** Devices come without a token and may do anything; whoever has one, what it says and no more. */
beforeAll(async () => {
  const pair = await generateKeyPair('ES256', { extractable: true });
  key = { ...(await exportJWK(pair.privateKey)), alg: 'ES256' };
  const jwk = { ...(await exportJWK(pair.publicKey)), alg: 'ES256' };
  broker = createBroker({
    authenticate: authenticateAny([
      authenticateJwt({ jwks: { keys: [jwk] }, ...TOKENS }),
      ({ password }) => password === undefined,
    ]),
    authorize: (client, action, topic) => instanceAccess(client, action, topic) ?? true,
  });
  url = (await broker.start()).tcp?.url ?? '';
  for (const serverName of [PUMP, VALVE])
    devices.push(await serveMcp({ url, serverName, server: newServer }));
});
afterAll(async () => {
  await Promise.all(devices.map((device) => device.stop()));
  await broker.stop();
});

function newServer(): McpServer {
  const server = new McpServer({ name: 'device', version: '1.0.0' });
  server.registerTool('turn', {}, () => ({ content: [{ type: 'text', text: 'turned' }] }));
  return server;
}

/** What the blueprint `operate` uses, and `measure` is; others nothing. */
const mcp: JwtIssuerOptions['mcp'] = ({ blueprint }) => {
  if (blueprint === 'operate') return { access: mcpClientAccess({ serverId: '+', serverName: PUMP }) };
  if (blueprint !== 'measure') return undefined;
  return { access: mcpServerAccess(GAUGE), serverIds: [GAUGE.serverId] };
};

const issue = (blueprint: string) => jwtIssuer({ key, ...TOKENS, mcp }).issue({ ...order, blueprint });

async function refusalOf(attempt: Promise<unknown>): Promise<unknown> {
  try {
    await attempt;
    return 'allowed';
  } catch (error) {
    return isLinkError(error) ? error.code : error;
  }
}

async function withLink(
  clientId: string,
  blueprint: string,
  act: (link: Link) => Promise<void>,
): Promise<void> {
  const link = await openLink({ url, clientId, ...(await issue(blueprint)) });
  try {
    await act(link);
  } finally {
    await link.close();
  }
}

test('a spawned agent uses the server that its blueprint declares', async () => {
  const credentials = await issue('operate');
  const connection = await connectMcp({
    url,
    ...credentials,
    clientId: mcpClientIdOf(address),
    serverName: PUMP,
  });
  const { content } = await connection.client.callTool({ name: 'turn', arguments: {} });
  expect(content).toEqual([{ type: 'text', text: 'turned' }]);
  await connection.close();
});

test('it neither finds nor asks another server, and reads and writes for no other client', async () => {
  const own = `${mcpClientIdOf(address)}-1`;
  await withLink(own, 'operate', async (link) => {
    for (const filter of [
      `$mcp-server/presence/+/${VALVE}`,
      '$mcp-server/presence/#',
      `$mcp-rpc/${own}/+/${VALVE}`,
      `$mcp-rpc/+/+/${PUMP}`,
      `$mcp-rpc/mcp-other/+/${PUMP}`,
      '$mcp-client/presence/+',
      '#',
    ])
      expect([filter, await refusalOf(link.subscribe(filter, () => undefined))]).toEqual([
        filter,
        'subscribe-refused',
      ]);
    for (const topic of [
      `$mcp-server/any/${VALVE}`,
      `$mcp-server/presence/any/${PUMP}`,
      `$mcp-rpc/${own}/any/${VALVE}`,
      `$mcp-rpc/mcp-other/any/${PUMP}`,
      '$mcp-client/presence/mcp-other',
    ])
      expect([topic, await refusalOf(link.publish(topic, '{}'))]).toEqual([topic, 'publish-refused']);
  });
});

test('it is the server that its blueprint declares, and no other', async () => {
  const serving = await serveMcp({ url, ...(await issue('measure')), ...GAUGE, server: newServer });
  const client = await connectMcp({ url, serverName: GAUGE.serverName });
  expect(await client.client.listTools()).toMatchObject({ tools: [{ name: 'turn' }] });
  await client.close();
  const other = serveMcp({ url, ...(await issue('measure')), ...GAUGE, serverName: PUMP, server: newServer });
  // EMQX asks about the topic of a will when the will is due, not at CONNECT.
  expect(await refusalOf(other)).toMatch(/^(connect|subscribe)-refused$/);
  await serving.stop();
  await withLink(GAUGE.serverId, 'measure', async (link) => {
    expect(await refusalOf(link.publish(`$mcp-server/presence/${GAUGE.serverId}/${PUMP}`, '{}'))).toBe(
      'publish-refused',
    );
  });
});

test('it connects with its own MCP client ids only, and with none when nothing is declared', async () => {
  const neighbour = mcpClientIdOf({ ...address, agentId: 's1.a-b' });
  for (const [blueprint, clientId] of [
    ['operate', `${neighbour}-1`],
    ['operate', 'mcp-1'],
    ['operate', GAUGE.serverId],
    ['work', `${mcpClientIdOf(address)}-1`],
  ] as const)
    expect([clientId, await refusalOf(withLink(clientId, blueprint, async () => undefined))]).toEqual([
      clientId,
      'connect-refused',
    ]);
});

test('topics of another tree are no part of it', async () => {
  const wide = jwtIssuer({
    key,
    ...TOKENS,
    mcp: () => ({ access: [{ action: 'publish', filter: 'shoal/v1/o/u/spawn' }] }),
  });
  await expect(wide.issue(order)).rejects.toThrow('"shoal/v1/o/u/spawn" is no topic of MCP over MQTT');
});
