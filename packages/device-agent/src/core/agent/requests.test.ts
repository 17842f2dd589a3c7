import { describe, expect, it } from 'vitest';
import { standingAnswer, type IncidentMessage, type IncidentRequest } from './requests.ts';

const HOUR_MS = 3_600_000;
const at = (hour: number): IncidentMessage =>
  ({ detectedAt: new Date(hour * HOUR_MS).toISOString() }) as IncidentMessage;
const request = (hour: number, taskState?: string): IncidentRequest =>
  ({
    message: at(hour),
    state: 'ended',
    ...(taskState === undefined ? {} : { taskState }),
  }) as IncidentRequest;

describe('the answer to an earlier incident', () => {
  const completed = request(10, 'TASK_STATE_COMPLETED');

  it('stands for the time that was asked for, and not longer', () => {
    expect(standingAnswer([completed], at(12), 3 * HOUR_MS)).toBe(completed);
    expect(standingAnswer([completed], at(13), 3 * HOUR_MS)).toBeUndefined();
  });

  it('stands for no time by default', () => {
    expect(standingAnswer([completed], at(10), 0)).toBeUndefined();
  });

  it('does not stand when the request failed or is still open', () => {
    expect(
      standingAnswer([request(10, 'TASK_STATE_FAILED'), request(10)], at(11), 3 * HOUR_MS),
    ).toBeUndefined();
  });

  it('does not stand for a device whose clock went back', () => {
    expect(standingAnswer([completed], at(9), 3 * HOUR_MS)).toBeUndefined();
  });
});
