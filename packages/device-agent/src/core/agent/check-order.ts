/** Whether an order may go to the device: what the device checks too, checked before it is asked. Pure. */
import type { ToolApproval } from '@shoal/protocol';
import {
  approvalRequired,
  approvalUsed,
  checkArguments,
  checkInterlocks,
  exceeds,
  GUARD_ARGUMENTS,
  whyNotApproved,
  type Channels,
  type Interlock,
  type Refusal,
  type RiskClass,
} from '@shoal/device-tools';
import { orderText, type DeviceOrder, type OrderRecord } from './operations.ts';

/** What a tool says of itself; what it does not say counts as the careful answer. */
export interface ToolTraits {
  readonly risk: RiskClass;
  readonly idempotent: boolean;
  readonly acceptsRequestId: boolean;
  /** Takes `dryRun` and `approvalId`. */
  readonly guarded: boolean;
  readonly interlocks: readonly Interlock[];
  readonly inputSchema: Readonly<Record<string, unknown>>;
  /** The life of the device's memory of requests. */
  readonly memoryId?: string;
}

export interface OrderRules {
  readonly deviceId: string;
  /** The highest risk that needs no approval. */
  readonly grant: RiskClass;
  readonly approvers?: readonly string[];
  readonly approval: (approvalId: string) => ToolApproval | undefined;
  /** Why the approval under an id is not the word of whom it names. */
  readonly distrust?: (approvalId: string) => string | undefined;
  readonly approvalTopic: (approvalId: string) => string;
  readonly channels: Channels;
  readonly nowMs: number;
}

/** Why the order is refused; undefined when it may go. */
export function whyRefused(
  order: DeviceOrder,
  traits: ToolTraits,
  records: readonly OrderRecord[],
  rules: OrderRules,
): Refusal | undefined {
  const { tool, args } = order;
  if (traits.risk !== 'read') {
    const own = GUARD_ARGUMENTS.find((name) => args[name] !== undefined);
    if (own !== undefined)
      return invalid(own, `${own} does not belong into args: dryRun and approvalId stand beside tool`);
    if (order.dryRun === true && !traits.guarded) return invalid('dryRun', `${tool} has no dry run`);
  }
  return (
    checkArguments(traits.inputSchema, args) ??
    (exceeds(traits.risk, rules.grant) ? whyUnapproved(order, traits, records, rules) : undefined) ??
    checkInterlocks(traits.interlocks, rules.channels)
  );
}

function whyUnapproved(
  order: DeviceOrder,
  { risk }: ToolTraits,
  records: readonly OrderRecord[],
  { deviceId, grant, approvers, nowMs, approval: find, distrust, approvalTopic }: OrderRules,
): Refusal | undefined {
  const { approvalId, tool, args } = order;
  if (approvalId !== undefined && wasUsed(records, approvalId, order)) return approvalUsed(approvalId);
  const approval = approvalId === undefined ? undefined : find(approvalId);
  if (approvalId === undefined || approval === undefined)
    return approvalRequired(tool, risk, grant, approvalTopic, approvalId);
  const problem = whyNotApproved(
    approval,
    { deviceId, tool, args },
    { ...(approvers === undefined ? {} : { approvers }), distrust: distrust?.(approvalId), nowMs },
  );
  if (problem === undefined) return undefined;
  const message = `approval ${JSON.stringify(approvalId)} does not cover this order: ${problem}`;
  return { code: 'approval-invalid', message };
}

/** By another order: the same one may be repeated under its approval. */
function wasUsed(records: readonly OrderRecord[], approvalId: string, order: DeviceOrder): boolean {
  const text = orderText(order);
  return records.some(
    (record) =>
      record.approvalId === approvalId &&
      (record.sessionId !== order.sessionId || record.stepId !== order.stepId || record.order !== text),
  );
}

function invalid(name: string, message: string): Refusal {
  return { code: 'invalid-arguments', message, argument: { name } };
}
