import { monitorEventLoopDelay, type IntervalHistogram } from 'node:perf_hooks';

import type { Context } from '../core/context.ts';
import { findCards } from '../core/registry/directory.ts';
import type { Registry } from '../core/registry/registry.ts';
import type { Gauges } from './http/metrics.ts';

const LOOP_RESOLUTION_MS = 20;

/** What costs something to find out, so that it is found out only when asked. */
export class Measurements {
  private readonly startedAtMs: number;
  private readonly loop: IntervalHistogram = monitorEventLoopDelay({ resolution: LOOP_RESOLUTION_MS });

  constructor(startedAtMs: number) {
    this.startedAtMs = startedAtMs;
  }

  /** Begins to watch the event loop. */
  start(): void {
    this.loop.enable();
  }

  stop(): void {
    this.loop.disable();
  }

  take(cx: Context, registry: Registry): Gauges {
    let queuedMessages = 0;
    let queuedBytes = 0;
    for (const session of cx.sessions.values()) {
      queuedMessages += session.queue.length + (session.connection?.backlog.length ?? 0);
      queuedBytes += session.queuedBytes + (session.connection?.backlogBytes ?? 0);
    }
    const cards = { online: 0, offline: 0 };
    for (const { status } of findCards(cx, {})) cards[status]++;
    const { user, system } = process.cpuUsage();
    const late = this.loop.percentile(99) / 1e9 - LOOP_RESOLUTION_MS / 1e3;
    this.loop.reset();
    return {
      cards,
      rejections: registry.rejections,
      queuedMessages,
      queuedBytes,
      residentBytes: process.memoryUsage.rss(),
      cpuSeconds: (user + system) / 1e6,
      startedAtMs: this.startedAtMs,
      loopDelaySeconds: Math.max(0, late),
    };
  }
}
