import { describe, expect, it } from 'vitest';
import { neighbourhoodOf, type DeviceAgentCard } from './neighbours.ts';

const card = (
  deviceId: string,
  relations: [string, string][] = [],
  more: Partial<DeviceAgentCard> = {},
): DeviceAgentCard => ({
  agentId: `agent-of-${deviceId}`,
  deviceId,
  site: 'north',
  area: undefined,
  relations: relations.map(([other, relation]) => ({ deviceId: other, relation })),
  presence: 'online',
  ...more,
});

describe('the neighbours of a device', () => {
  it('are those that its card names, those that name it as their standby, and those of its area', () => {
    const cards = [
      card(
        'p1',
        [
          ['p2', 'standby'],
          ['h1', 'feeds'],
        ],
        { area: 'loop' },
      ),
      card('p2', [['p1', 'standby']]),
      card('p3', [['p1', 'standby']]),
      card('h1'),
      card('x', [], { area: 'loop' }),
      card('y', [], { area: 'loop', site: 'south' }),
    ];
    const { neighbours, assumptions } = neighbourhoodOf(cards, 'p1');
    expect(neighbours.map(({ deviceId, relation }) => `${deviceId} ${relation}`)).toEqual([
      'p2 standby',
      'p3 standby',
      'h1 feeds',
      'x same-area',
    ]);
    expect(assumptions).toEqual(['p3 names p1 as its standby, p1 does not name it: taken as its standby']);
  });

  it('form a group through others, in whichever direction it is told', () => {
    const cards = [
      card('a', [['b', 'standby']]),
      card('b'),
      card('c', [['b', 'standby']]),
      card('d', [['e', 'standby']]),
    ];
    expect(neighbourhoodOf(cards, 'a').group).toEqual(['b', 'c']);
    expect(neighbourhoodOf(cards, 'c').group).toEqual(['a', 'b']);
    expect(neighbourhoodOf(cards, 'e').group).toEqual(['d']);
  });

  it('that two agents claim is asked of the one that is there', () => {
    const cards = [
      card('p1', [['p2', 'standby']]),
      card('p2', [['p1', 'standby']], { agentId: 'a-ghost', presence: 'offline' }),
      card('p2', [['p1', 'standby']], { agentId: 'real' }),
    ];
    const { neighbours, assumptions } = neighbourhoodOf(cards, 'p1');
    expect(neighbours).toMatchObject([{ deviceId: 'p2', agentId: 'real' }]);
    expect(assumptions).toEqual(['real and a-ghost both say that they watch p2: asked real']);
  });

  it('are told also when no agent watches them', () => {
    expect(neighbourhoodOf([card('p1', [['p9', 'standby']])], 'p1').neighbours).toEqual([
      { deviceId: 'p9', relation: 'standby', agentId: undefined, presence: 'unregistered' },
    ]);
  });

  it('are bound in number, those that stand by first', () => {
    const others = Array.from({ length: 40 }, (_, i) => card(`x${i}`, [], { area: 'loop' }));
    const cards = [
      card('p1', [['z', 'standby']], { area: 'loop' }),
      card('z', [['p1', 'standby']]),
      ...others,
    ];
    const { neighbours, assumptions } = neighbourhoodOf(cards, 'p1', 5);
    expect(neighbours).toHaveLength(5);
    expect(neighbours[0]?.deviceId).toBe('z');
    expect(assumptions).toEqual(['41 neighbours are known: asked the first 5']);
  });

  it('of a device that nobody knows are none', () => {
    expect(neighbourhoodOf([card('p1')], 'nobody')).toMatchObject({
      own: undefined,
      neighbours: [],
      group: [],
    });
  });
});
