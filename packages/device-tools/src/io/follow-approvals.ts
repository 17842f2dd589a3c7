import { markerTopicOf, scanRetained, type InboundMessage, type Link, type Logger } from '@shoal/mqtt-link';
import {
  clientIdOf,
  deviceTopics,
  isIdentifier,
  parseJson,
  parseShoalTopic,
  validateToolApproval,
  type DeviceAddress,
  type ToolApproval,
} from '@shoal/protocol';
import { whyNotSigned, type ApproverKeys } from '@shoal/protocol/signing';
import { assertApproverKeys } from '../core/approver-keys.ts';

export interface ApprovalBook {
  /** What is retained under the id now. With keys, once its signatures were looked at. */
  get(approvalId: string): ToolApproval | undefined;
  /** Why it is not the word of whom it names; undefined when it is, and when no keys are known. */
  distrust(approvalId: string): string | undefined;
  /**
   * Asks the broker for the approval, and resolves when `get` and `distrust` can tell: what was acknowledged to an approver before is known
   * after this, and its signatures were looked at. Takes two seconds at most, then counts what came by itself; never rejects.
   */
  settle(approvalId: string): Promise<void>;
  close(): Promise<void>;
}

/** Approvals kept; with more, the one that came first is not known any more. */
const KEPT = 1000;
/** Signatures that are looked at, at once. */
const MOST_UNDER_CHECK = 64;
/** Ids that are asked of the broker at once; beyond that counts what came by itself. */
const MOST_ASKED = 16;
const ASK_TIMEOUT_MS = 2_000;
/** For an EMQX that paces what it keeps: see `readRetained`. */
const SETTLE_MS = 250;

interface Asked {
  readonly answered: Promise<void>;
  /** The subscription told something newer than the answer will be. */
  overtaken: boolean;
}

interface Entry {
  readonly approval: ToolApproval;
  /** As text, to know the same one again. */
  readonly payload: string;
  distrust?: string | undefined;
  /** While its signatures are looked at it counts as not there. */
  pending?: Promise<undefined> | undefined;
}

/**
 * Follows the retained approvals of one device. Only what is retained counts: a message that is merely sent approves nothing. An approval
 * that is taken back (an empty retained message) is gone at once. Malformed ones are logged and count as none. With `keys` an approval is
 * distrusted unless a key of the approver that it names has signed it. Rejects with DeviceToolError `invalid-approver-keys`, LinkError.
 */
export async function followApprovals(
  link: Link,
  device: DeviceAddress,
  logger: Logger,
  keys?: ApproverKeys,
): Promise<ApprovalBook> {
  if (keys !== undefined) assertApproverKeys(keys);
  const book = new Follower(link, device, logger, keys);
  await book.start();
  return book;
}

class Follower implements ApprovalBook {
  readonly #link: Link;
  readonly #device: DeviceAddress;
  readonly #logger: Logger;
  readonly #keys: ApproverKeys | undefined;
  readonly #approvals = new Map<string, Entry>();
  readonly #asked = new Map<string, Asked>();
  readonly #cleanUp: (() => unknown)[] = [];
  readonly #closed = new AbortController();
  #checking = 0;

  constructor(link: Link, device: DeviceAddress, logger: Logger, keys: ApproverKeys | undefined) {
    this.#link = link;
    this.#device = device;
    this.#logger = logger;
    this.#keys = keys;
  }

  async start(): Promise<void> {
    // What was taken back meanwhile is not told: everything comes again with the next connection.
    this.#cleanUp.push(this.#link.on('offline', () => this.#approvals.clear()));
    const subscription = await this.#link.subscribe(
      deviceTopics(this.#device).approvals,
      (message) => {
        const topic = parseShoalTopic(message.topic);
        const asked = topic?.kind === 'tool-approval' ? this.#asked.get(topic.approvalId) : undefined;
        if (asked !== undefined && message.retain) asked.overtaken = true;
        this.#receive(message);
      },
      { retainAsPublished: true },
    );
    this.#cleanUp.push(() => subscription.close());
  }

  get(approvalId: string): ToolApproval | undefined {
    return this.#settled(approvalId)?.approval;
  }

  distrust(approvalId: string): string | undefined {
    return this.#settled(approvalId)?.distrust;
  }

  async settle(approvalId: string): Promise<void> {
    if (isIdentifier(approvalId)) await this.#ask(approvalId);
    // A newer one may have come while the one before it was looked at.
    for (let turn = 0; turn < 2; turn++) await this.#approvals.get(approvalId)?.pending;
  }

  async close(): Promise<void> {
    this.#closed.abort();
    for (const undo of this.#cleanUp.splice(0)) await undo();
  }

  #settled(approvalId: string): Entry | undefined {
    const entry = this.#approvals.get(approvalId);
    return entry?.pending === undefined ? entry : undefined;
  }

  #receive(message: InboundMessage): void {
    const topic = parseShoalTopic(message.topic);
    if (topic?.kind !== 'tool-approval' || !message.retain) return;
    const { approvalId } = topic;
    const payload = new TextDecoder().decode(message.payload);
    // Asked for, it comes a second time.
    if (this.#approvals.get(approvalId)?.payload === payload) return;
    this.#approvals.delete(approvalId);
    if (payload === '') return;
    const json = parseJson(message.payload);
    const approval = json.ok ? validateToolApproval(json.value) : json;
    if (!approval.ok || approval.value.approvalId !== approvalId) {
      const why = approval.ok ? 'approvalId is not that of the topic' : JSON.stringify(approval.violations);
      this.#logger.warn('approval ignored', { topic: message.topic, why });
      return;
    }
    const entry: Entry = { approval: approval.value, payload };
    this.#approvals.set(approvalId, entry);
    if (this.#approvals.size > KEPT) this.#approvals.delete(this.#approvals.keys().next().value!);
    if (this.#keys === undefined) return;
    entry.pending = this.#check(entry, this.#keys).then(() => (entry.pending = undefined));
  }

  async #check(entry: Entry, keys: ApproverKeys): Promise<void> {
    const { approvalId, by } = entry.approval;
    this.#checking += 1;
    entry.distrust =
      this.#checking > MOST_UNDER_CHECK
        ? 'too many approvals came at once: retain it again'
        : await whyNotSigned(entry.approval, this.#device, keys);
    this.#checking -= 1;
    // Unless it was taken back, or replaced, meanwhile.
    if (entry.distrust !== undefined && this.#approvals.get(approvalId) === entry)
      this.#logger.warn('approval distrusted', { approvalId, by, why: entry.distrust });
  }

  async #ask(approvalId: string): Promise<void> {
    // An answer that is on its way may be older than this question.
    await this.#asked.get(approvalId)?.answered;
    const under = this.#asked.get(approvalId);
    if (under !== undefined) return under.answered;
    if (this.#asked.size >= MOST_ASKED || this.#closed.signal.aborted) return;
    const answered = this.#read(approvalId).finally(() => this.#asked.delete(approvalId));
    this.#asked.set(approvalId, { answered, overtaken: false });
    return answered;
  }

  async #read(approvalId: string): Promise<void> {
    const { org, unit, deviceId } = this.#device;
    const found = new AbortController();
    const onMessage = (message: InboundMessage): void => {
      if (this.#asked.get(approvalId)?.overtaken === false) this.#receive(message);
      found.abort();
    };
    try {
      await scanRetained(
        this.#link,
        deviceTopics(this.#device).approval(approvalId),
        { onMessage },
        {
          retainAsPublished: true,
          settleMs: SETTLE_MS,
          timeoutMs: ASK_TIMEOUT_MS,
          markerTopic: markerTopicOf(clientIdOf({ org, unit, agentId: deviceId }), 0),
          signal: AbortSignal.any([found.signal, this.#closed.signal]),
        },
      );
    } catch (error) {
      if (found.signal.aborted || this.#closed.signal.aborted) return;
      this.#logger.warn('an approval could not be asked of the broker', { approvalId, error: String(error) });
    }
  }
}
