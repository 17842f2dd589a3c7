import { describe, expect, it } from 'vitest';
import { encodeRoles, readRoles, suggestedRoles, whyNotAllowed, type McpRole } from './rbac.ts';

const admin: McpRole = {
  name: 'admin',
  allowedMethods: 'all',
  allowedTools: 'all',
  allowedResources: 'all',
};
const user: McpRole = {
  name: 'user',
  description: 'looks',
  allowedMethods: ['tools/list', 'tools/call', 'resources/read'],
  allowedTools: ['read_speed'],
  allowedResources: ['file:///a'],
};

describe('roles', () => {
  it('survive the way through the presence message', () => {
    expect(readRoles({ rbac: encodeRoles([admin, user]) })).toEqual([admin, user]);
  });

  it('allow nothing where they cannot be read', () => {
    for (const meta of [{}, { rbac: 1 }, { rbac: { roles: 'all' } }, { rbac: { roles: [1, { name: 2 }] } }])
      expect(readRoles(meta)).toEqual([]);
    const [role] = readRoles({
      rbac: { roles: [{ name: 'x', allowed_tools: [1, 'a'], allowed_methods: 7 }] },
    });
    expect(role).toEqual({ name: 'x', allowedMethods: [], allowedTools: ['a'], allowedResources: [] });
    expect(whyNotAllowed([role!], 'tools/call', { name: 'a' })).toMatch(/"tools\/call" is not allowed/);
  });

  it('bound methods, tools and resources; housekeeping is open to all', () => {
    const ask = (roles: readonly McpRole[], method: string, params = {}) =>
      whyNotAllowed(roles, method, params);
    expect(ask([admin], 'tools/call', { name: 'stop' })).toBeUndefined();
    expect(ask([user], 'tools/call', { name: 'read_speed' })).toBeUndefined();
    expect(ask([user], 'tools/call', { name: 'stop' })).toMatch(/tool "stop" is not allowed.*\(user\)/);
    expect(ask([user], 'tools/call')).toMatch(/"undefined" is not allowed/);
    expect(ask([user], 'resources/read', { uri: 'file:///a' })).toBeUndefined();
    expect(ask([user], 'resources/read', { uri: 'file:///b' })).toMatch(/resource "file:\/\/\/b"/);
    expect(ask([user], 'resources/subscribe', { uri: 'file:///a' })).toMatch(/"resources\/subscribe"/);
    expect(ask([user, admin], 'prompts/list')).toBeUndefined();
    expect(ask([], 'tools/list')).toMatch(/\(none\)/);
    for (const method of ['ping', 'initialize', 'notifications/initialized'])
      expect(ask([], method)).toBeUndefined();
  });

  it('of a client are read from MCP-RBAC for one server', () => {
    const property = JSON.stringify([
      { server_name: 'a/b', role_name: 'user' },
      { server_name: 'a/c', role_name: 'admin' },
      { server_name: 'a/b' },
      7,
    ]);
    expect(suggestedRoles(property, 'a/b')).toEqual(['user']);
    expect(suggestedRoles(property, 'x')).toEqual([]);
    for (const unusable of [undefined, '{', '{}']) expect(suggestedRoles(unusable, 'a/b')).toBeUndefined();
  });
});
