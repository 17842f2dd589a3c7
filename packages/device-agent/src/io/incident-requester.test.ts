import { A2aError, type Clock, type MessageInput, type Requester } from '@shoal/agent-sdk';
import { silentLogger } from '@shoal/mqtt-link';
import type { StreamResponse } from '@shoal/protocol';
import { describe, expect, it } from 'vitest';
import type { IncidentMessage, IncidentRequest } from '../core/agent/requests.ts';
import { IncidentRequester } from './incident-requester.ts';
import { uuidFrom } from './uuid-from.ts';

const WORKFLOW = { org: 'acme', unit: 'plant', agentId: 'maintenance' };
const MESSAGE = {
  deviceId: 'pump-01',
  agentId: 'pump-01',
  detectedAt: '2026-01-01T00:00:00.000Z',
  evidence: { incidentId: '1-abc' },
} as IncidentMessage;

type Answer = (call: {
  method: 'stream' | 'subscribe';
  input: MessageInput | { id: string };
}) => AsyncIterable<StreamResponse>;

function status(state: string): StreamResponse {
  return { statusUpdate: { taskId: 't', contextId: 'c', status: { state } } } as unknown as StreamResponse;
}

async function* items(...list: (StreamResponse | Error)[]): AsyncIterable<StreamResponse> {
  for (const item of list) {
    if (item instanceof Error) throw item;
    yield item;
  }
}

/** Time passes at once: every timer fires on the next turn and moves the clock. */
function instantClock(): Clock {
  let nowMs = 0;
  return {
    nowMs: () => nowMs,
    nowIso: () => new Date(nowMs).toISOString(),
    setTimer: (callback, delayMs) => {
      const handle = setImmediate(() => {
        nowMs += delayMs;
        callback();
      });
      return () => clearImmediate(handle);
    },
  };
}

function setting(
  answer: Answer,
  requests: readonly IncidentRequest[] = [],
  { failingWrites = 0, askAgainAfterMs = 0 } = {},
) {
  let failures = failingWrites;
  const calls: { method: 'stream' | 'subscribe'; input: MessageInput | { id: string } }[] = [];
  const log: string[] = [];
  const outcomes: IncidentRequest[] = [];
  const talk = (method: 'stream' | 'subscribe') => (_: unknown, input: MessageInput | { id: string }) => {
    log.push(method);
    calls.push({ method, input });
    return answer(calls.at(-1)!);
  };
  let finish!: (request: IncidentRequest) => void;
  const finished = new Promise<IncidentRequest>((resolve) => (finish = resolve));
  const subject: IncidentRequester = new IncidentRequester({
    requester: {
      requester: { stream: talk('stream'), subscribe: talk('subscribe') } as unknown as Requester,
    },
    workflow: WORKFLOW,
    requests,
    persist: async () => {
      if (failures-- > 0) throw new Error('broker gone');
      log.push(`persist ${subject.requests.map(({ state }) => state).join()}`);
    },
    onChange: (request) => {
      outcomes.push(request);
      finish(request);
    },
    clock: instantClock(),
    logger: silentLogger,
    giveUpAfterMs: 600_000,
    askAgainAfterMs,
  });
  return { subject, calls, log, outcomes, finished };
}

describe('IncidentRequester', () => {
  it('writes the request down, sends it, and writes down how it ended', async () => {
    const artifact = {
      artifactUpdate: {
        taskId: 't',
        contextId: 'c',
        artifact: { artifactId: '1', parts: [{ data: { order: 7 } }] },
      },
    };
    const { subject, log, finished } = setting(() =>
      items(status('TASK_STATE_WORKING'), artifact, status('TASK_STATE_COMPLETED')),
    );
    subject.open(MESSAGE);
    expect(await finished).toMatchObject({
      state: 'ended',
      taskState: 'TASK_STATE_COMPLETED',
      outcome: { order: 7 },
    });
    expect(log).toEqual(['persist open', 'stream', 'persist ended']);
  });

  it('makes one request of one incident', async () => {
    const { subject, calls, finished } = setting(() => items(status('TASK_STATE_COMPLETED')));
    subject.open(MESSAGE);
    subject.open(MESSAGE);
    await finished;
    subject.open(MESSAGE);
    expect(calls).toHaveLength(1);
  });

  describe('while a request of the same device is open', () => {
    const HOUR_MS = 3_600_000;
    const second = later('2-abc', 1);
    const third = later('3-abc', 2);
    const states = (requests: readonly IncidentRequest[]): string[] =>
      requests.map(({ incidentId, state }) => `${incidentId} ${state}`);

    function later(incidentId: string, minutes: number): IncidentMessage {
      const detectedAt = new Date(Date.parse(MESSAGE.detectedAt) + minutes * 60_000).toISOString();
      return { ...MESSAGE, detectedAt, evidence: { ...MESSAGE.evidence, incidentId } };
    }

    /** The first request ends as it is told to; those after it complete. */
    function settingUntil(askAgainAfterMs = HOUR_MS) {
      let end!: (taskState: string) => void;
      const first = new Promise<string>((resolve) => (end = resolve));
      let asked = 0;
      const one = setting(
        async function* () {
          yield status((asked += 1) === 1 ? await first : 'TASK_STATE_COMPLETED');
        },
        [],
        { askAgainAfterMs },
      );
      return { ...one, end };
    }

    it('asks nothing more, and keeps the last incident until the answer is known', async () => {
      const { subject, calls, log, finished, end } = settingUntil();
      subject.open(MESSAGE);
      subject.open(second);
      subject.open(third);
      expect(states(subject.requests)).toEqual(['1-abc open', '3-abc waiting']);
      end('TASK_STATE_COMPLETED');
      await finished;
      expect(states(subject.requests)).toEqual(['1-abc ended']);
      expect(calls).toHaveLength(1);
      expect(log).toContain('persist open,waiting');
      expect(log.at(-1)).toBe('persist ended');
    });

    it('asks about the one that waited when the first has failed', async () => {
      const { subject, calls, outcomes, end } = settingUntil();
      subject.open(MESSAGE);
      subject.open(second);
      end('TASK_STATE_FAILED');
      await expect.poll(() => states(outcomes)).toEqual(['1-abc ended', '2-abc ended']);
      expect(calls.map(({ input }) => input)).toMatchObject([
        { data: { evidence: { incidentId: '1-abc' } } },
        { data: { evidence: { incidentId: '2-abc' } } },
      ]);
    });

    it('asks at once when answers do not stand, or not for so long', async () => {
      for (const standsMs of [0, 60_000]) {
        const { subject, calls, outcomes, end } = settingUntil(standsMs);
        subject.open(MESSAGE);
        subject.open(second);
        end('TASK_STATE_COMPLETED');
        await expect.poll(() => outcomes.length).toBe(2);
        expect(calls).toHaveLength(2);
      }
    });

    it.each([
      ['TASK_STATE_COMPLETED', 0],
      ['TASK_STATE_FAILED', 1],
    ])('a successor that finds it %s asks %i times about the one that waited', async (taskState, times) => {
      const before = settingUntil();
      before.subject.open(MESSAGE);
      before.subject.open(second);
      const [first, waiting] = before.subject.requests;
      const { subject, calls } = setting(
        () => items(status('TASK_STATE_COMPLETED')),
        [{ ...first!, state: 'ended', taskState }, waiting!],
        { askAgainAfterMs: HOUR_MS },
      );
      subject.resume();
      await expect.poll(() => states(subject.requests)).not.toContain('2-abc waiting');
      await expect.poll(() => calls.length).toBe(times);
    });
  });

  it('asks again under the same ids when nobody answers', async () => {
    let tries = 0;
    const { subject, calls, finished } = setting(() =>
      ++tries < 4 ? items(new A2aError('timeout', 'nobody')) : items(status('TASK_STATE_FAILED')),
    );
    subject.open(MESSAGE);
    expect(await finished).toMatchObject({ state: 'ended', taskState: 'TASK_STATE_FAILED' });
    expect(new Set(calls.map(({ input }) => JSON.stringify(input))).size).toBe(1);
    expect(calls).toHaveLength(4);
  });

  it('sends nothing before the request is durable, and goes on trying', async () => {
    const { subject, log, finished } = setting(() => items(status('TASK_STATE_COMPLETED')), [], {
      failingWrites: 3,
    });
    subject.open(MESSAGE);
    await finished;
    expect(log).toEqual(['persist open', 'stream', 'persist ended']);
  });

  it('asks anew for a task that the workflow has lost while it waited', async () => {
    let streams = 0;
    const { subject, calls, finished } = setting(({ method }) => {
      if (method === 'subscribe') return items(new A2aError('task-not-found', 'no such task'));
      return items(status(++streams === 1 ? 'TASK_STATE_INPUT_REQUIRED' : 'TASK_STATE_COMPLETED'));
    });
    subject.open(MESSAGE);
    expect(await finished).toMatchObject({ state: 'ended' });
    expect(calls.map(({ method }) => method)).toEqual(['stream', 'subscribe', 'stream']);
  });

  it('follows a task that waits for somebody until it ends', async () => {
    const { subject, calls, finished } = setting(({ method }) =>
      method === 'stream'
        ? items(status('TASK_STATE_INPUT_REQUIRED'))
        : items(status('TASK_STATE_COMPLETED')),
    );
    subject.open(MESSAGE);
    expect(await finished).toMatchObject({ taskState: 'TASK_STATE_COMPLETED' });
    expect(calls.map(({ method }) => method)).toEqual(['stream', 'subscribe']);
  });

  it('gives up after the time limit, and at once when asking again cannot help', async () => {
    const silent = setting(() => items(new A2aError('timeout', 'nobody')));
    silent.subject.open(MESSAGE);
    expect(await silent.finished).toMatchObject({ state: 'given-up' });
    expect(silent.calls.length).toBeGreaterThan(5);
    const refused = setting(() => items(new A2aError('invalid-params', 'no such variable')));
    refused.subject.open(MESSAGE);
    expect(await refused.finished).toMatchObject({
      state: 'given-up',
      error: expect.stringContaining('no such variable'),
    });
    expect(refused.calls).toHaveLength(1);
  });

  it('takes up what a predecessor left open and leaves alone what had ended', async () => {
    const open = {
      incidentId: '1-abc',
      taskId: uuidFrom('a'),
      messageId: uuidFrom('b'),
      target: 'acme/plant/maintenance',
      message: MESSAGE,
      state: 'open',
    } as const;
    const { subject, calls, finished } = setting(
      () => items(status('TASK_STATE_COMPLETED')),
      [{ ...open, incidentId: '0-old', state: 'ended' }, open],
    );
    subject.resume();
    await finished;
    expect(calls).toHaveLength(1);
    expect(calls[0]!.input).toMatchObject({ taskId: open.taskId, messageId: open.messageId });
  });

  it('leaves an open request to its successor when it stops', async () => {
    const { subject, log } = setting(() => items(new A2aError('timeout', 'nobody')));
    subject.open(MESSAGE);
    await subject.stop();
    expect(subject.requests).toMatchObject([{ state: 'open' }]);
    expect(log.at(-1)).not.toContain('given-up');
  });
});

it('makes the same UUID of version 4 from the same text', () => {
  expect(uuidFrom('x')).toBe(uuidFrom('x'));
  expect(uuidFrom('x')).not.toBe(uuidFrom('y'));
  expect(uuidFrom('x')).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});
