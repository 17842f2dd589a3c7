import { describe, expect, it } from 'vitest';
import { standingRequest, type IncidentMessage, type IncidentRequest } from './requests.ts';

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
    expect(standingRequest([completed], at(12), 3 * HOUR_MS)).toBe(completed);
    expect(standingRequest([completed], at(13), 3 * HOUR_MS)).toBeUndefined();
  });

  it('stands for no time by default', () => {
    expect(standingRequest([completed], at(10), 0)).toBeUndefined();
  });

  it('does not stand when the request failed, was given up or waits itself', () => {
    const others = [
      request(10, 'TASK_STATE_FAILED'),
      { ...request(10), state: 'given-up' as const },
      { ...request(10), state: 'waiting' as const },
    ];
    expect(standingRequest(others, at(11), 3 * HOUR_MS)).toBeUndefined();
  });

  it('may come from a request that is open, where none has completed', () => {
    const open = { ...request(10), state: 'open' as const };
    expect(standingRequest([open], at(11), 3 * HOUR_MS)).toBe(open);
    expect(standingRequest([open, completed], at(11), 3 * HOUR_MS)).toBe(completed);
    expect(standingRequest([open], at(13), 3 * HOUR_MS)).toBeUndefined();
  });

  it('does not stand for a device whose clock went back', () => {
    expect(standingRequest([completed], at(9), 3 * HOUR_MS)).toBeUndefined();
  });
});
