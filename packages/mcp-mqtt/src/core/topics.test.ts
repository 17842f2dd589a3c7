import { describe, expect, it } from 'vitest';
import {
  assertMcpClientId,
  assertServerId,
  assertServerName,
  clientCapabilityTopic,
  clientPresenceTopic,
  controlTopic,
  matchesServerName,
  rpcTopic,
  serverCapabilityTopic,
  serverPresenceFilter,
  serverPresenceTopic,
  tryParseServerPresenceTopic,
} from './topics.ts';

const server = { serverId: 'acme.plant-1.pump-01', serverName: 'shoal/acme/plant-1/pump-01' };

describe('topics of MCP over MQTT', () => {
  it('are the six of the specification', () => {
    expect(controlTopic(server)).toBe('$mcp-server/acme.plant-1.pump-01/shoal/acme/plant-1/pump-01');
    expect(serverPresenceTopic(server)).toBe(
      '$mcp-server/presence/acme.plant-1.pump-01/shoal/acme/plant-1/pump-01',
    );
    expect(serverCapabilityTopic(server)).toBe(
      '$mcp-server/capability/acme.plant-1.pump-01/shoal/acme/plant-1/pump-01',
    );
    expect(clientPresenceTopic('mcp-1')).toBe('$mcp-client/presence/mcp-1');
    expect(clientCapabilityTopic('mcp-1')).toBe('$mcp-client/capability/mcp-1');
    expect(rpcTopic('mcp-1', server)).toBe('$mcp-rpc/mcp-1/acme.plant-1.pump-01/shoal/acme/plant-1/pump-01');
    expect(serverPresenceFilter('shoal/#')).toBe('$mcp-server/presence/+/shoal/#');
  });

  it('give the server back from its presence topic, and nothing from any other', () => {
    expect(tryParseServerPresenceTopic(serverPresenceTopic(server))).toEqual(server);
    expect(tryParseServerPresenceTopic('$mcp-server/presence/only-an-id')).toBeUndefined();
    expect(tryParseServerPresenceTopic('$mcp-server/presence//name')).toBeUndefined();
    expect(tryParseServerPresenceTopic(controlTopic(server))).toBeUndefined();
  });

  it.each(['', 'a/b', 'a+b', 'a#', 'presence', 'capability', 'x'.repeat(201)])(
    'refuse server id %j',
    (id) => {
      expect(() => assertServerId(id)).toThrow(/server id .* cannot be part of an MCP topic/);
    },
  );

  it.each(['', 'a/b', 'a+b', 'a#', 'x'.repeat(201)])('refuse client id %j', (id) => {
    expect(() => assertMcpClientId(id)).toThrow(/client id .* cannot be part of an MCP topic/);
  });

  it.each(['', '/a', 'a//b', 'a/', 'a/+/b', 'a/#'])('refuse server name %j', (name) => {
    expect(() => assertServerName(name)).toThrow(expect.objectContaining({ code: 'invalid-id' }));
  });

  it.each(['a/#/b', 'a+/b', 'a//b', '#a'])('refuse filter %j', (filter) => {
    expect(() => serverPresenceFilter(filter)).toThrow(/server name filter/);
  });

  it.each([
    ['#', true],
    ['shoal/#', true],
    ['shoal/acme/+/pump-01', true],
    ['shoal/acme/plant-1/pump-01', true],
    ['shoal/acme/plant-1/pump-01/#', true],
    ['shoal/acme/plant-1', false],
    ['shoal/acme/plant-1/pump-01/+', false],
    ['other/#', false],
  ])('filter %j matches the name: %j', (filter, expected) => {
    expect(matchesServerName(filter, server.serverName)).toBe(expected);
  });
});
