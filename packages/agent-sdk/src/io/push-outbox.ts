import type { Logger } from '@shoal/mqtt-link';
import type { StreamResponse } from '@shoal/protocol';
import { normalizeTaskId } from '@shoal/protocol';
import type { StoredPushConfig } from '../core/push-configs.ts';
import { pushHeaders } from '../core/push-configs.ts';
import type { PushProfile } from '../core/push-retry.ts';
import { decidePush } from '../core/push-retry.ts';
import type { TaskRecord } from '../core/task-record.ts';
import { isSettled, viewTask } from '../core/task-record.ts';
import type { Clock } from './clock.ts';
import type { PushTransport } from './push-transport.ts';

export interface PushOutboxOptions {
  readonly transport: PushTransport;
  readonly profile: PushProfile;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  /** A receiver was told how a task came to rest, or that was given up. */
  readonly onTold: (key: string, configId: string, restsAt: string) => void;
  /** A receiver takes nothing: its configuration is to go. */
  readonly onDropped: (key: string, configId: string) => void;
}

interface Waiting {
  readonly body: string;
  /** Set for an update that tells how the task came to rest. */
  readonly restsAt: string | undefined;
}

interface Line {
  readonly key: string;
  config: StoredPushConfig['config'];
  readonly waiting: Waiting[];
  failedUpdates: number;
}

/** Posts the updates of tasks: for each configuration one after the other and in order, with retries and a bound. */
export class PushOutbox {
  readonly #options: PushOutboxOptions;
  readonly #lines = new Map<string, Line>();
  readonly #stop = new AbortController();
  #onIdle: (() => void) | undefined;

  constructor(options: PushOutboxOptions) {
    this.#options = options;
  }

  /** An update of a task, in the order of the items. */
  add(record: TaskRecord, item: StreamResponse): void {
    if (record.push === undefined || record.push.length === 0 || this.#stop.signal.aborted) return;
    const state = item.task?.status.state ?? item.statusUpdate?.status.state;
    const restsAt = state !== undefined && isSettled(state) ? record.task.status.timestamp : undefined;
    const waiting = { body: JSON.stringify(item), restsAt };
    for (const { config } of record.push) this.#add(record, config, waiting);
  }

  /** The configuration was deleted: not a word more to its receiver. */
  forget(key: string, configId: string): void {
    this.#lines.get(`${key}/${configId}`)?.waiting.splice(0);
  }

  /** Waits until everything is delivered or given up, at most so long; then stops for good. */
  async stop(graceMs: number): Promise<void> {
    const { clock, transport, logger } = this.#options;
    if (this.#lines.size > 0 && graceMs > 0) {
      await new Promise<void>((resolve) => {
        const cancel = clock.setTimer(resolve, graceMs);
        this.#onIdle = () => {
          cancel();
          resolve();
        };
      });
    }
    const left = [...this.#lines.values()].reduce((sum, { waiting }) => sum + waiting.length, 0);
    if (left > 0) logger.warn('push notifications are left undelivered', { updates: left });
    this.#stop.abort(new Error('the agent was stopped'));
    await transport.close?.();
  }

  #add(record: TaskRecord, config: StoredPushConfig['config'], next: Waiting): void {
    const key = normalizeTaskId(record.task.id);
    const lineKey = `${key}/${config.id}`;
    const line = this.#lines.get(lineKey);
    if (line === undefined) {
      const made: Line = { key, config, waiting: [next], failedUpdates: 0 };
      this.#lines.set(lineKey, made);
      void this.#work(lineKey, made);
      return;
    }
    line.config = config;
    line.waiting.push(next);
    if (line.waiting.length <= this.#options.profile.maxQueued) return;
    // The first one is under way. The task as it is now says all that the others would.
    const task = JSON.stringify({ task: viewTask(record.task, { historyLength: 0 }) });
    line.waiting.splice(1, line.waiting.length, { body: task, restsAt: next.restsAt });
  }

  async #work(lineKey: string, line: Line): Promise<void> {
    const { profile, onTold, onDropped } = this.#options;
    for (let next = line.waiting[0]; next !== undefined; next = line.waiting[0]) {
      const outcome = await this.#deliver(line, next);
      if (this.#stop.signal.aborted) break;
      if (line.waiting[0] === next) line.waiting.shift();
      line.failedUpdates = outcome === 'delivered' ? 0 : line.failedUpdates + 1;
      if (outcome === 'gone' || line.failedUpdates >= profile.maxFailedUpdates) {
        line.waiting.length = 0;
        onDropped(line.key, line.config.id);
      } else if (next.restsAt !== undefined) onTold(line.key, line.config.id, next.restsAt);
    }
    this.#lines.delete(lineKey);
    if (this.#lines.size === 0) this.#onIdle?.();
  }

  async #deliver(line: Line, waiting: Waiting): Promise<'delivered' | 'failed' | 'gone'> {
    const { transport, profile, random, logger } = this.#options;
    const { signal } = this.#stop;
    for (let attempt = 1; ; attempt += 1) {
      const { url } = line.config;
      const headers = pushHeaders(line.config);
      const outcome = await transport.post({ url, headers, body: waiting.body, signal });
      const decision = decidePush(outcome, attempt, profile, random);
      if (decision.kind === 'delivered') return decision.kind;
      if (decision.kind !== 'again') {
        const fields = { taskId: line.key, configId: line.config.id, why: decision.why, attempts: attempt };
        logger.warn('a push notification was given up', fields);
        return decision.kind;
      }
      await this.#pause(decision.waitMs);
      // Deleted meanwhile, or stopped.
      if (signal.aborted || line.waiting[0] !== waiting) return 'failed';
    }
  }

  #pause(waitMs: number): Promise<void> {
    const { signal } = this.#stop;
    return new Promise((resolve) => {
      const cancel = this.#options.clock.setTimer(() => done(), waitMs);
      const done = (): void => {
        cancel();
        signal.removeEventListener('abort', done);
        resolve();
      };
      signal.addEventListener('abort', done, { once: true });
    });
  }
}
