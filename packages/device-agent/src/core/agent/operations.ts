import { canonical } from '@shoal/device-tools';

/** An order to the device, as it came over A2A. */
export interface DeviceOrder {
  readonly tool: string;
  readonly args: Readonly<Record<string, unknown>>;
  /** Session and step in whose name it comes; an order of a person or another agent has the task id for a session. */
  readonly sessionId: string;
  readonly stepId: string;
  /** The n-th try of that step. */
  readonly attempt: number;
  /** Only say what would happen. */
  readonly dryRun?: boolean;
  /** Of a retained approval of exactly this order. */
  readonly approvalId?: string;
  /** A model asked for it and nobody else. No message can say so or deny it: it is set here alone. */
  readonly onModelsBehalf?: true;
}

/** What became of an order. `unknown`: it was sent and no answer came; the device may or may not have done it. */
export type OrderOutcome = 'done' | 'failed' | 'unknown';

export interface OrderRecord {
  readonly sessionId: string;
  readonly stepId: string;
  readonly attempt: number;
  /** Tool and arguments, as text that is equal for equal orders. */
  readonly order: string;
  /** `sent` is written before the tool is called: found again after a crash, it means unknown. */
  readonly state: 'sent' | OrderOutcome;
  readonly result?: Readonly<Record<string, unknown>>;
  readonly error?: string;
  /** Counts the times that this order failed: each try has an idempotency key of its own. */
  readonly turn?: number;
  /** What the device is asked by when the answer is lost. */
  readonly request?: { readonly id: string; readonly sentAtMs: number; readonly memoryId?: string };
  readonly approvalId?: string;
}

export type OrderDecision =
  /** `requestSeed` is the same whenever the same order is repeated: what an idempotency key is made from. */
  | { readonly kind: 'run'; readonly requestSeed: string; readonly turn: number }
  | { readonly kind: 'repeat'; readonly record: OrderRecord }
  | { readonly kind: 'superseded'; readonly by: number }
  | { readonly kind: 'unknown'; readonly record: OrderRecord };

export const REMEMBERED_ORDERS = 100;

/**
 * Decides what to do with an order (DESIGN rules 6 and 7): one of a superseded attempt is dropped, one that was answered gets the
 * same answer, and one whose answer was lost is repeated only when doing it twice is doing it once.
 */
export function decideOrder(
  records: readonly OrderRecord[],
  order: DeviceOrder,
  idempotent: boolean,
): OrderDecision {
  const ofStep = records.filter(
    ({ sessionId, stepId }) => sessionId === order.sessionId && stepId === order.stepId,
  );
  const newest = Math.max(0, ...ofStep.map(({ attempt }) => attempt));
  if (order.attempt < newest) return { kind: 'superseded', by: newest };
  const text = orderText(order);
  const same = ofStep.findLast((record) => record.order === text);
  if (same?.state === 'done') return { kind: 'repeat', record: same };
  if ((same?.state === 'sent' || same?.state === 'unknown') && !idempotent)
    return { kind: 'unknown', record: same };
  const turn = same?.turn ?? 0;
  const seed = `${order.sessionId}/${order.stepId}/${text}`;
  return { kind: 'run', turn, requestSeed: turn === 0 ? seed : `${seed}#${turn}` };
}

/** Remembers the newest state of an order; the oldest orders are forgotten. */
export function rememberOrder(
  records: readonly OrderRecord[],
  order: DeviceOrder,
  now: Omit<OrderRecord, 'sessionId' | 'stepId' | 'attempt' | 'order'>,
): OrderRecord[] {
  const { sessionId, stepId, attempt } = order;
  const text = orderText(order);
  const others = records.filter(
    (record) => record.sessionId !== sessionId || record.stepId !== stepId || record.order !== text,
  );
  return [...others, { sessionId, stepId, attempt, order: text, ...now }].slice(-REMEMBERED_ORDERS);
}

/** Equal for equal orders, whatever the order of their arguments. */
export function orderText({ tool, args }: Pick<DeviceOrder, 'tool' | 'args'>): string {
  return `${tool} ${canonical(args)}`;
}

/** Reads an order from the data of a message; a text names the field that is wrong. */
export function readOrder(data: Readonly<Record<string, unknown>>, taskId: string): DeviceOrder | string {
  const { tool, args = {}, sessionId = taskId, stepId = 'operate', attempt = 1, dryRun, approvalId } = data;
  if (typeof tool !== 'string' || tool === '') return 'tool must be the name of a tool of the device';
  if (typeof args !== 'object' || args === null || Array.isArray(args)) return 'args must be an object';
  if (typeof sessionId !== 'string' || sessionId === '') return 'sessionId must be a text';
  if (typeof stepId !== 'string' || stepId === '') return 'stepId must be a text';
  if (!Number.isInteger(attempt) || (attempt as number) < 1) return 'attempt must be a whole number from 1';
  if (dryRun !== undefined && typeof dryRun !== 'boolean') return 'dryRun must be true or false';
  if (approvalId !== undefined && typeof approvalId !== 'string') return 'approvalId must be a text';
  return {
    tool,
    args: args as Record<string, unknown>,
    sessionId,
    stepId,
    attempt: attempt as number,
    ...(dryRun === undefined ? {} : { dryRun }),
    ...(approvalId === undefined ? {} : { approvalId }),
  };
}
