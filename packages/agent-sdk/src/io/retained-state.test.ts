import type { Link, PublishAck } from '@shoal/mqtt-link';
import { describe, expect, it } from 'vitest';
import { FakeClock } from '../testing/fake-clock.ts';
import { retainedState } from './retained-state.ts';

const HOUR_MS = 3_600_000;

/** A link whose broker can refuse; `reconnect` says that it is back. */
function setting() {
  const written: unknown[] = [];
  const refused: unknown[] = [];
  let refuses = false;
  let online: (event: { reconnect: boolean }) => void = () => undefined;
  const link: Pick<Link, 'publish' | 'on'> = {
    on: (_name, listener) => {
      online = listener as unknown as typeof online;
      return () => undefined;
    },
    publish: (_topic, payload) => {
      const value = (JSON.parse(payload as string) as { n: number }).n;
      (refuses ? refused : written).push(value);
      return refuses ? Promise.reject(new Error('refused')) : Promise.resolve({} as PublishAck);
    },
  };
  const clock = new FakeClock();
  const state = retainedState<{ n: number }>({
    link: link as Link,
    topic: 't',
    minIntervalMs: HOUR_MS,
    clock,
  });
  return {
    state,
    written,
    refused,
    refuse: (value: boolean) => (refuses = value),
    reconnect: () => online({ reconnect: true }),
    pass: async (ms: number) => {
      clock.advance(ms);
      for (let i = 0; i < 10; i += 1) await Promise.resolve();
    },
  };
}

describe('a retained state that is written once an hour', () => {
  it('is written at the first save, then not before its time, and at once when it is flushed', async () => {
    const { state, written, pass } = setting();
    state.save({ n: 1 });
    await pass(0);
    state.save({ n: 2 });
    await pass(HOUR_MS - 1);
    expect(written).toEqual([1]);
    await pass(1);
    expect(written).toEqual([1, 2]);
    state.save({ n: 3 });
    await state.flush();
    expect(written).toEqual([1, 2, 3]);
  });

  it('is tried again after a second when the broker refused it', async () => {
    const { state, written, refused, refuse, pass } = setting();
    refuse(true);
    state.save({ n: 1 });
    await pass(0);
    await pass(999);
    expect(refused).toEqual([1]);
    refuse(false);
    await pass(1);
    expect(written).toEqual([1]);
  });

  it('is given back at once to a broker that may have lost it', async () => {
    const { state, written, reconnect, pass } = setting();
    state.save({ n: 1 });
    await pass(0);
    state.save({ n: 2 });
    reconnect();
    await pass(0);
    expect(written).toEqual([1, 2]);
    reconnect();
    await pass(0);
    expect(written).toEqual([1, 2, 2]);
  });
});
