import { describe, expect, it } from 'vitest';
import { layeredLayout, roundedPath } from './layered-layout.ts';

const SIZE = { width: 100, height: 40, gapX: 20, gapY: 10 };

describe('where steps and edges are drawn', () => {
  it('puts a step in the column after the last of what it needs', () => {
    const nodes = [
      { id: 'a', needs: [] },
      { id: 'b', needs: ['a'] },
      { id: 'c', needs: ['a', 'b'] },
      { id: 'd', needs: ['gone'] },
    ];
    expect(layeredLayout(nodes, SIZE).map(({ id, x, y }) => [id, x, y])).toEqual([
      ['a', 0, 0],
      ['b', 120, 0],
      ['c', 240, 0],
      ['d', 0, 50],
    ]);
  });

  it('rounds corners, and never by more than half of the way to the next', () => {
    const way = [
      { x: 0, y: 0 },
      { x: 10, y: 0 },
      { x: 10, y: 40 },
      { x: 60, y: 40 },
    ];
    expect(roundedPath(way, 8)).toBe('M 0 0 L 5 0 Q 10 0 10 8 L 10 32 Q 10 40 18 40 L 60 40');
    expect(roundedPath(way.slice(0, 1), 8)).toBe('');
  });
});
