import type { InboundMessage, Link, Logger } from '@shoal/mqtt-link';
import {
  deviceTopics,
  parseJson,
  parseShoalTopic,
  validateToolApproval,
  type DeviceAddress,
  type ToolApproval,
} from '@shoal/protocol';

export interface ApprovalBook {
  /** What is retained under the id now. */
  get(approvalId: string): ToolApproval | undefined;
  close(): Promise<void>;
}

/** Approvals kept; with more, the one that came first is not known any more. */
const KEPT = 1000;

/**
 * Follows the retained approvals of one device. Only what is retained counts: a message that is merely sent approves nothing. An approval
 * that is taken back (an empty retained message) is gone at once. Malformed ones are logged and count as none.
 */
export async function followApprovals(
  link: Link,
  device: DeviceAddress,
  logger: Logger,
): Promise<ApprovalBook> {
  const approvals = new Map<string, ToolApproval>();
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
    approvals.set(approvalId, approval.value);
    if (approvals.size > KEPT) approvals.delete(approvals.keys().next().value!);
  };
  // What was taken back meanwhile is not told: everything comes again with the next connection.
  const unlisten = link.on('offline', () => approvals.clear());
  const subscription = await link.subscribe(deviceTopics(device).approvals, receive, {
    retainAsPublished: true,
  });
  return {
    get: (approvalId) => approvals.get(approvalId),
    close: async () => {
      unlisten();
      await subscription.close();
    },
  };
}
