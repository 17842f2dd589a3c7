import type { InboundMessage, Link, Logger } from '@shoal/mqtt-link';
import { readRetained, silentLogger } from '@shoal/mqtt-link';
import type { AgentAddress } from '@shoal/protocol';
import { agentTopics, normalizeTaskId, parseJson, parseShoalTopic } from '@shoal/protocol';
import type { TaskSummary } from '../core/list-tasks.ts';
import { summaryOf } from '../core/list-tasks.ts';
import { parseRecord } from '../core/parse-record.ts';
import type { TaskRecord } from '../core/task-record.ts';
import { Evictor } from './evictor.ts';
import type { TaskStore, TaskStoreContext } from './task-store.ts';

export interface RetainedTaskStoreOptions {
  /** Default: the agent's own link and address. */
  readonly link?: Link;
  readonly address?: AgentAddress;
  /** Seconds after its last change until the broker forgets a task. Default 86 400. */
  readonly expirySeconds?: number;
  /** Default 1 000. One more removes the oldest ended task, else the oldest that waits for input. */
  readonly maxTasks?: number;
  /** Progress of one task is written at most this often; its end at once. Default 1 000. */
  readonly minIntervalMs?: number;
}

/**
 * Tasks as retained messages, one for each, at `shoal/v1/{org}/{unit}/agent/{agentId}/task/{taskId}`: they survive the agent as long
 * as the broker keeps retained messages. `save` with `commit` resolves on the PUBACK. Push configurations are not written: they end
 * with the process.
 */
export function retainedTaskStore(options: RetainedTaskStoreOptions = {}): TaskStore {
  return new RetainedTaskStore(options);
}

class RetainedTaskStore implements TaskStore {
  readonly onBroker = true;
  readonly #options: RetainedTaskStoreOptions;
  readonly #expirySeconds: number;
  readonly #records = new Map<string, TaskRecord>();
  readonly #evictor = new Evictor(this.#records, ({ task }) => task.status.state);
  readonly #expiresAtMs = new Map<string, number>();
  readonly #due = new Map<string, NodeJS.Timeout>();
  #link: Link | undefined;
  #address: AgentAddress | undefined;
  #logger: Logger = silentLogger;
  #stopListening: (() => void) | undefined;

  constructor(options: RetainedTaskStoreOptions) {
    this.#options = options;
    this.#expirySeconds = options.expirySeconds ?? 86_400;
  }

  async open(context: TaskStoreContext): Promise<void> {
    this.#link = this.#options.link ?? context.link;
    this.#address = this.#options.address ?? context.address;
    this.#logger = context.logger;
    for (const [topic, message] of await this.#read()) this.#load(topic, message);
    this.#stopListening = this.#link.on('online', ({ reconnect }) => {
      if (reconnect) void this.#restore();
    });
  }

  load(key: string): TaskRecord | undefined {
    const expiresAtMs = this.#expiresAtMs.get(key);
    if (expiresAtMs !== undefined && expiresAtMs < Date.now()) this.#drop(key);
    return this.#records.get(key);
  }

  save(record: TaskRecord, importance: 'commit' | 'progress'): Promise<void> | undefined {
    const key = normalizeTaskId(record.task.id);
    if (importance === 'progress') {
      if (!this.#due.has(key)) this.#due.set(key, this.#later(key));
      return undefined;
    }
    this.#cancelDue(key);
    if (!this.#records.has(key)) this.#makeRoom();
    this.#records.set(key, record);
    return this.#write(key, record);
  }

  async remove(key: string): Promise<void> {
    this.#drop(key);
    await this.#open().publish(this.#topic(key), '', { qos: 1, retain: true });
  }

  list(): Iterable<TaskSummary> {
    for (const key of this.#records.keys()) this.load(key);
    return [...this.#records.values()].map(summaryOf);
  }

  async close(): Promise<void> {
    this.#stopListening?.();
    const due = [...this.#due.keys()];
    await Promise.allSettled(due.map((key) => this.#writeDue(key)));
  }

  #later(key: string): NodeJS.Timeout {
    return setTimeout(() => {
      this.#writeDue(key).catch((error: unknown) =>
        this.#logger.warn('progress of a task could not be stored', { taskId: key, error: String(error) }),
      );
    }, this.#options.minIntervalMs ?? 1_000);
  }

  async #writeDue(key: string): Promise<void> {
    this.#cancelDue(key);
    const record = this.#records.get(key);
    if (record !== undefined) await this.#write(key, record);
  }

  async #write(key: string, record: TaskRecord): Promise<void> {
    this.#expiresAtMs.set(key, Date.now() + this.#expirySeconds * 1000);
    await this.#open().publish(this.#topic(key), encode(record), {
      qos: 1,
      retain: true,
      contentType: 'application/json',
      payloadIsUtf8: true,
      messageExpirySeconds: this.#expirySeconds,
    });
  }

  #cancelDue(key: string): void {
    clearTimeout(this.#due.get(key));
    this.#due.delete(key);
  }

  #makeRoom(): void {
    if (this.#records.size < (this.#options.maxTasks ?? 1_000)) return;
    const evicted = this.#evictor.evict();
    if (evicted === undefined) return;
    this.remove(evicted).catch((error: unknown) =>
      this.#logger.warn('an old task could not be removed', { taskId: evicted, error: String(error) }),
    );
  }

  #drop(key: string): void {
    this.#cancelDue(key);
    this.#records.delete(key);
    this.#expiresAtMs.delete(key);
  }

  #load(topic: string, message: InboundMessage): void {
    const parsed = parseShoalTopic(topic);
    if (parsed?.kind !== 'task') return;
    const json = parseJson(message.payload);
    const record = json.ok ? parseRecord(json.value) : json;
    if (!record.ok) {
      const fields = record.violations.map(({ field, message: what }) => `${field}: ${what}`);
      this.#logger.warn('a stored task cannot be read and is left alone', { topic, fields });
      return;
    }
    const key = normalizeTaskId(parsed.taskId);
    this.#records.set(key, record.value);
    if (message.messageExpirySeconds !== undefined) {
      this.#expiresAtMs.set(key, Date.now() + message.messageExpirySeconds * 1000);
    }
  }

  /** DESIGN rule 17: after a broker restart, what it lost and we hold, or could not tell it, is published again. */
  async #restore(): Promise<void> {
    try {
      const kept = await this.#read();
      for (const [key, record] of this.#records) {
        const written = kept.get(this.#topic(key))?.text();
        if (written !== encode(record)) await this.#write(key, record);
      }
    } catch (error) {
      this.#logger.warn('stored tasks could not be checked after a reconnect', { error: String(error) });
    }
  }

  #read(): Promise<Map<string, InboundMessage>> {
    return readRetained(this.#open(), this.#topic('any').replace(/any$/, '+'));
  }

  #topic(key: string): string {
    if (this.#address === undefined) throw new Error('retainedTaskStore is not open');
    return agentTopics(this.#address).task(key);
  }

  #open(): Link {
    if (this.#link === undefined) throw new Error('retainedTaskStore is not open');
    return this.#link;
  }
}

/** Push configurations hold credentials, and the broker shows a retained message to all who may read the topic. */
function encode(record: TaskRecord): string {
  return JSON.stringify({ ...record, push: undefined });
}
