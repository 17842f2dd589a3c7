import type { AgentCard } from '@shoal/protocol';
import { expect, test } from 'vitest';
import { selectMembers, type FleetMember } from './select.ts';

function member(
  agentId: string,
  status: FleetMember['status'],
  params: object = {},
  tags = ['wet'],
): FleetMember {
  const card: AgentCard = {
    name: agentId,
    description: 'x',
    version: '1.0.0',
    supportedInterfaces: [{ url: 'mqtt://x', protocolBinding: 'x', protocolVersion: '1.0' }],
    capabilities: { extensions: [{ uri: 'urn:x', params: params as Record<string, unknown> }] },
    defaultInputModes: ['text/plain'],
    defaultOutputModes: ['text/plain'],
    skills: [{ id: 'pump', name: 'x', description: 'x', tags }],
  };
  return { agentId, card, status };
}

const fleet = [
  member('z', 'online', { site: 'north' }),
  member('b', 'unknown', { labels: { site: 'north', line: '3' } }),
  member('a', 'offline', { site: 'north' }, ['dry']),
];

test.each([
  [{ skill: 'pump' }, ['b', 'z']],
  [{ skill: 'fan' }, []],
  [{ site: 'north', presence: 'any' }, ['a', 'b', 'z']],
  [{ presence: 'offline' }, ['a']],
  [{ tag: 'dry', presence: 'any' }, ['a']],
  [{ labels: { line: '3' } }, ['b']],
  [{ labels: { line: '4' } }, []],
] as const)('%j picks %j, by id', (selection, ids) => {
  expect(selectMembers(fleet, selection).map(({ agentId }) => agentId)).toEqual(ids);
});
