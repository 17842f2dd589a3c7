import { createHash } from 'node:crypto';
import type { Link, Logger } from '@shoal/mqtt-link';
import {
  describeViolations,
  parseJson,
  treeFilter,
  triggerTopic,
  validateTriggerRecord,
  type TriggerRecord,
} from '@shoal/protocol';
import { isNewer } from '../core/alarm.ts';

export interface TriggerRecordsOptions {
  readonly link: Link;
  readonly org: string;
  readonly unit: string;
  readonly logger: Logger;
  /** A record that was news, from whomever. */
  readonly onRecord: (record: TriggerRecord) => void;
  /** Every record that the broker delivers, in topic order. */
  readonly onClaim: (claimId: string) => void;
}

/** Kept so long after they were written. A schedule may come once a year. */
const EXPIRY_SECONDS = 400 * 86_400;

/** The retained records of all triggers of the unit, kept by one subscription. */
export class TriggerRecords {
  readonly #options: TriggerRecordsOptions;
  readonly #records = new Map<string, TriggerRecord>();
  /** Seen since the last connect: what is not among them, the broker has lost. */
  #seen = new Set<string>();

  constructor(options: TriggerRecordsOptions) {
    this.#options = options;
  }

  async open(): Promise<void> {
    await this.#options.link.subscribe(treeFilter('trigger', this.#options), ({ topic, payload }) =>
      this.#take(topic, payload),
    );
  }

  get(workflowId: string, triggerId: string, key: string): TriggerRecord | undefined {
    return this.#records.get(this.#topic({ workflowId, triggerId, key }));
  }

  all(): readonly TriggerRecord[] {
    return [...this.#records.values()];
  }

  /** Keys of a trigger that have a record. */
  countOf(workflowId: string, triggerId: string): number {
    return this.all().filter((record) => record.workflowId === workflowId && record.triggerId === triggerId)
      .length;
  }

  /** Resolves on the PUBACK. */
  async write(record: TriggerRecord): Promise<void> {
    await this.#options.link.publish(this.#topic(record), JSON.stringify(record), {
      qos: 1,
      retain: true,
      contentType: 'application/json',
      payloadIsUtf8: true,
      messageExpirySeconds: EXPIRY_SECONDS,
    });
  }

  restart(): void {
    this.#seen = new Set();
  }

  /** Gives back what the broker lost (DESIGN rule 17); to be called when everything that it holds has come. */
  async carry(): Promise<void> {
    const lost = [...this.#records].filter(([topic]) => !this.#seen.has(topic));
    await Promise.all(lost.map(([, record]) => this.write(record)));
  }

  #take(topic: string, payload: Uint8Array): void {
    this.#seen.add(topic);
    if (payload.length === 0) return void this.#records.delete(topic);
    const json = parseJson(payload);
    const checked = json.ok ? validateTriggerRecord(json.value) : json;
    if (!checked.ok || this.#topic(checked.value) !== topic) {
      const reason = checked.ok ? 'it belongs to another topic' : describeViolations(checked.violations);
      return this.#options.logger.warn('record ignored', { topic, reason });
    }
    const known = this.#records.get(topic);
    const isNews = isNewer(checked.value, known);
    if (isNews) this.#records.set(topic, checked.value);
    this.#options.onClaim(checked.value.claimId);
    if (isNews) this.#options.onRecord(checked.value);
    else if (known !== undefined && known.claimId !== checked.value.claimId) this.#putRight(topic, known);
    return undefined;
  }

  /** A late claim stands where the one that counts belongs. Whoever sees it says so; the same twice is fine. */
  #putRight(topic: string, record: TriggerRecord): void {
    this.write(record).catch((error: unknown) =>
      this.#options.logger.warn('a trigger record could not be put right', { topic, error: String(error) }),
    );
  }

  #topic({ workflowId, triggerId, key }: Pick<TriggerRecord, 'workflowId' | 'triggerId' | 'key'>): string {
    const { org, unit } = this.#options;
    const hash = createHash('sha256').update(key).digest('hex').slice(0, 32);
    return triggerTopic({ org, unit, workflowId, triggerId, hash });
  }
}
