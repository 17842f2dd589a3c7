import { describe, expect, it } from 'vitest';
import { judgeAnswer } from './judge-answer.ts';

const neighbour = { deviceId: 'p2', agentId: 'p2', relation: 'standby', presence: 'online' };
const status = {
  deviceId: 'p2',
  agentId: 'p2',
  health: 'healthy',
  loadPercent: 40,
  headroomPercent: 60,
  incident: null,
};
const judge = (data: unknown, of = neighbour) => judgeAnswer(of, { kind: 'answered', data });

describe('an answer', () => {
  it('that is sound is taken at its word', () => {
    expect(judge(status)).toEqual({
      deviceId: 'p2',
      relation: 'standby',
      answered: true,
      loadPercent: 40,
      headroomPercent: 60,
      health: 'healthy',
    });
  });

  it.each([
    [{ ...status, loadPercent: -5 }, 'says load -5 %'],
    [{ ...status, loadPercent: '40' }, 'says load "40" %'],
    [{ ...status, loadPercent: 1e9 }, 'says load 1000000000 %'],
    [{ ...status, headroomPercent: 400 }, 'says headroom 400 %'],
    [{ ...status, headroomPercent: 95 }, 'says load 40 % and headroom 95 %'],
    [{ ...status, deviceId: 'p3' }, 'answered for "p3"'],
    [{ ...status, agentId: 'other' }, 'answered as "other"'],
    [{ ...status, health: 'splendid' }, 'says health "splendid"'],
    [{ ...status, incident: { kind: 'anomaly' } }, 'says healthy with an open incident'],
    [{ ...status, health: `${'x'.repeat(5_000)}\n` }, '…'],
    ['fine', 'says health'],
    [null, 'says health'],
    [[], 'says health'],
  ])('%# that contradicts itself is not believed, and it is said', (data, why) => {
    const answer = judge(data);
    expect(answer).toMatchObject({
      answered: true,
      loadPercent: null,
      headroomPercent: 0,
      health: 'unknown',
    });
    expect(answer.assumption).toContain(why);
    expect(answer.assumption).toContain('not believed, counted as having no headroom');
    expect(answer.assumption!.length).toBeLessThan(200);
  });

  it('without a load, or of a sick device, is no help', () => {
    expect(judge({ ...status, loadPercent: null }).assumption).toBe(
      'p2 does not know its load: counted as having no headroom',
    );
    expect(judge({ ...status, health: 'anomalous' })).toMatchObject({
      headroomPercent: 0,
      assumption: 'p2 is anomalous: not asked to take over load',
    });
  });
});

describe('silence', () => {
  it('is said as what it is', () => {
    expect(judgeAnswer(neighbour, { kind: 'silent', why: 'no answer in time' }).assumption).toBe(
      'p2 did not answer (no answer in time): counted as having no headroom',
    );
    const asleep = { ...neighbour, presence: 'asleep' };
    expect(judgeAnswer(asleep, { kind: 'silent', why: 'x' }).assumption).toContain(
      'is asleep and did not answer',
    );
  });
});
