import { buildCard } from '@shoal/agent-sdk';
import type { PresenceState, RegisteredAgent } from '@shoal/registry-client';
import { describe, expect, it } from 'vitest';
import { agentRow, countPresence, filterRows, groupRows, NO_FILTER } from './agent-row.ts';

function agent(
  agentId: string,
  params?: Record<string, unknown>,
  state: PresenceState = 'online',
): RegisteredAgent {
  const address = { org: 'acme', unit: 'plant', agentId };
  const extensions = params === undefined ? [] : [{ uri: 'urn:shoal:device:v1', params }];
  const card = buildCard(
    {
      name: `Name of ${agentId}`,
      description: 'Looks.',
      capabilities: { extensions },
      skills: [{ id: 'look', tags: ['eyes'] }],
    },
    address,
    'mqtt://x',
  );
  return {
    address,
    card,
    findings: [],
    presence: { state, source: 'agent', reason: 'said so', since: '2026-01-01T00:00:00Z' },
  };
}

const ROWS = [
  agent('pump-10', { deviceId: 'pump-10', deviceType: 'pump', site: 'Basel', area: 'hall A' }),
  agent('pump-2', { deviceId: 'pump-2', deviceType: 'pump', site: 'Basel' }, 'offline'),
  agent('hvac-1', { deviceId: 'hvac-1', deviceType: 'hvac', site: 'Basel' }),
  agent('planner'),
].map(agentRow);

describe('rows of the fleet', () => {
  it('take site, type and device from the card, and the first tag for agents without a device', () => {
    expect(ROWS[0]).toMatchObject({
      key: 'acme/plant/pump-10',
      kind: 'device',
      type: 'pump',
      site: 'Basel',
      deviceId: 'pump-10',
    });
    expect(ROWS[3]).toMatchObject({ kind: 'agent', type: 'eyes', deviceId: undefined });
  });

  it('say since when only of what was seen to change: when the console was opened is no news', () => {
    const known = agent('pump-3');
    expect(agentRow(known).since).toBeUndefined();
    const changedAt = '2026-01-01T08:00:00.000Z';
    expect(agentRow({ ...known, presence: { ...known.presence, changedAt } }).since).toBe(changedAt);
  });

  it('are ignored by a card whose params are of another shape', () => {
    expect(agentRow(agent('odd', { deviceId: 7, site: null }))).toMatchObject({
      kind: 'device',
      site: 'no site',
      deviceId: undefined,
    });
  });

  it('are found by every word, whatever the case', () => {
    expect(filterRows(ROWS, { ...NO_FILTER, text: 'PUMP hall' }).map(({ agentId }) => agentId)).toEqual([
      'pump-10',
    ]);
    expect(filterRows(ROWS, { ...NO_FILTER, presence: 'offline' })).toHaveLength(1);
    expect(filterRows(ROWS, { ...NO_FILTER, type: 'hvac', text: 'basel' })).toHaveLength(1);
  });

  it('stand by site and type, numbers in their order, with a count before each group', () => {
    expect(
      groupRows(ROWS).map((row) =>
        'header' in row ? `${row.header} ${row.online}/${row.count}` : row.agentId,
      ),
    ).toEqual([
      'agents and workflows 1/1',
      'planner',
      'Basel · hvac 1/1',
      'hvac-1',
      'Basel · pump 1/2',
      'pump-2',
      'pump-10',
    ]);
    expect(countPresence(ROWS)).toEqual({ online: 3, suspect: 0, asleep: 0, offline: 1, unknown: 0 });
  });
});
