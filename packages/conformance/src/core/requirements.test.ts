import { describe, expect, it } from 'vitest';
import { SCENARIOS } from '../scenarios/index.ts';
import { notTestedReason } from './not-tested.ts';
import { EXTENDED_PARTS } from './requirement.ts';
import { REQUIREMENTS } from './requirements.ts';

const scenariosOf = (id: string) => SCENARIOS.filter(({ requirements }) => requirements.includes(id));

describe('requirements', () => {
  it('have ids of their own, and so have scenarios', () => {
    for (const list of [REQUIREMENTS, SCENARIOS]) {
      const ids = list.map(({ id }) => id);
      expect(new Set(ids).size).toBe(ids.length);
    }
  });

  it('have known levels, roles and parts, and a text', () => {
    for (const { level, roles, part, section, text } of REQUIREMENTS) {
      expect(['MUST', 'SHOULD', 'MAY']).toContain(level);
      expect(['responder', 'requester', 'broker', 'subscriber']).toEqual(expect.arrayContaining([...roles]));
      expect([...EXTENDED_PARTS, 'core', 'oauth', 'handover', 'reading', 'informative']).toContain(part);
      expect([section, text]).not.toContain('');
    }
  });

  it('are each tested by a scenario, or say why not', () => {
    const gaps = REQUIREMENTS.filter(
      (one) => scenariosOf(one.id).length === 0 && notTestedReason(one) === undefined,
    );
    expect(gaps.map(({ id }) => id)).toEqual([]);
  });

  it('that are tested give no reason for not being tested', () => {
    const stale = REQUIREMENTS.filter(
      (one) => one.part !== 'jku' && one.part !== 'ubsp' && scenariosOf(one.id).length > 0,
    ).filter((one) => notTestedReason(one) !== undefined);
    expect(stale.map(({ id }) => id)).toEqual([]);
  });

  it('that scenarios name exist', () => {
    const known = new Set(REQUIREMENTS.map(({ id }) => id));
    const unknown = SCENARIOS.flatMap(({ requirements }) => requirements).filter((id) => !known.has(id));
    expect(unknown).toEqual([]);
  });
});
