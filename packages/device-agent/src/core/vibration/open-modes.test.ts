import { expect, it } from 'vitest';
import type { VibrationDiagnosis } from './diagnose.ts';
import { openModes } from './open-modes.ts';

function diagnosis(
  verdict: VibrationDiagnosis['verdict'],
  scores: Record<string, number>,
): VibrationDiagnosis {
  const bearing = Object.entries(scores).map(([fault, scoreDb]) => ({ fault, scoreDb }));
  return { verdict, bearing, shaft: {} } as unknown as VibrationDiagnosis;
}

it('a verdict with evidence leaves nothing open', () => {
  expect(openModes(diagnosis('inner-race', { 'inner-race': 12, ball: 9 }))).toEqual(['inner-race']);
  expect(openModes(diagnosis('healthy', { ball: 1 }))).toEqual(['healthy']);
});

it('unknown leaves open what stands out, the strongest first, and unknown; never healthy', () => {
  expect(openModes(diagnosis('unknown', { ball: 4.1, 'inner-race': 2.5, 'outer-race': 0.3 }))).toEqual([
    'ball',
    'inner-race',
    'unknown',
  ]);
  expect(openModes(diagnosis('unknown', { ball: 0 }))).toEqual(['unknown']);
});
