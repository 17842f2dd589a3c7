import { percentile } from '../statistics.ts';
import type { Served } from '../serve.ts';

/** What each of the compared requesters can do. */
export interface RpcSide {
  /** One request and its reply. */
  roundTrip(): Promise<void>;
  /** One request that is answered by `items` messages; resolves with the last. */
  stream(items: number): Promise<void>;
}

export interface SideParameters {
  readonly url: string;
  readonly name: string;
  /** Payload sizes as measured on the SDK, so that all carry the same bytes. */
  readonly requestBytes: number;
  readonly replyBytes: number;
  readonly itemBytes: number;
}

/** The measurements, the same for every side. */
export function measurements(side: RpcSide): NonNullable<Served['commands']> {
  return {
    /** Milliseconds, p50, one at a time. */
    async latency({ count = 0 }) {
      const times: number[] = [];
      for (let i = 0; i < count; i += 1) {
        const startMs = performance.now();
        await side.roundTrip();
        times.push(performance.now() - startMs);
      }
      return percentile(times, 0.5);
    },
    /** Round trips a second, `inFlight` at a time. */
    async throughput({ count = 0, inFlight = 1 }) {
      let left = count;
      const lane = async (): Promise<void> => {
        while (left > 0) {
          left -= 1;
          await side.roundTrip();
        }
      };
      const startMs = performance.now();
      await Promise.all(Array.from({ length: inFlight }, lane));
      return count / ((performance.now() - startMs) / 1_000);
    },
    /** Microseconds for one item of a stream. */
    async stream({ items = 1, count = 1 }) {
      const startMs = performance.now();
      for (let i = 0; i < count; i += 1) await side.stream(items);
      return ((performance.now() - startMs) * 1_000) / (items * count);
    },
  };
}
