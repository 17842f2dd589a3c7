import type { InboundMessage, Link, Logger } from '@shoal/mqtt-link';
import {
  deviceTopics,
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
  close(): Promise<void>;
}

/** Approvals kept; with more, the one that came first is not known any more. */
const KEPT = 1000;
/** Signatures that are looked at, at once. */
const MOST_UNDER_CHECK = 64;

interface Entry {
  readonly approval: ToolApproval;
  readonly distrust?: string | undefined;
  /** Its signatures are still being looked at: it counts as not there. */
  readonly pending?: true;
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
  const approvals = new Map<string, Entry>();
  let checking = 0;
  const check = async (entry: Entry, known: ApproverKeys): Promise<void> => {
    const { approvalId } = entry.approval;
    checking += 1;
    const distrust =
      checking > MOST_UNDER_CHECK
        ? 'too many approvals came at once: retain it again'
        : await whyNotSigned(entry.approval, device, known);
    checking -= 1;
    // Taken back, or replaced, meanwhile.
    if (approvals.get(approvalId) !== entry) return;
    approvals.set(approvalId, { approval: entry.approval, distrust });
    if (distrust !== undefined)
      logger.warn('approval distrusted', { approvalId, by: entry.approval.by, why: distrust });
  };
  const receive = (message: InboundMessage): void => {
    const topic = parseShoalTopic(message.topic);
    if (topic?.kind !== 'tool-approval' || !message.retain) return;
    const { approvalId } = topic;
    approvals.delete(approvalId);
    if (message.payload.length === 0) return;
    const json = parseJson(message.payload);
    const approval = json.ok ? validateToolApproval(json.value) : json;
    if (!approval.ok || approval.value.approvalId !== approvalId) {
      const why = approval.ok ? 'approvalId is not that of the topic' : JSON.stringify(approval.violations);
      logger.warn('approval ignored', { topic: message.topic, why });
      return;
    }
    const entry: Entry = { approval: approval.value, ...(keys === undefined ? {} : { pending: true }) };
    approvals.set(approvalId, entry);
    if (approvals.size > KEPT) approvals.delete(approvals.keys().next().value!);
    if (keys !== undefined) void check(entry, keys);
  };
  // What was taken back meanwhile is not told: everything comes again with the next connection.
  const unlisten = link.on('offline', () => approvals.clear());
  const subscription = await link.subscribe(deviceTopics(device).approvals, receive, {
    retainAsPublished: true,
  });
  const settled = (approvalId: string): Entry | undefined => {
    const entry = approvals.get(approvalId);
    return entry?.pending === true ? undefined : entry;
  };
  return {
    get: (approvalId) => settled(approvalId)?.approval,
    distrust: (approvalId) => settled(approvalId)?.distrust,
    close: async () => {
      unlisten();
      await subscription.close();
    },
  };
}
