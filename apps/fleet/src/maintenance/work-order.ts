import type { Task } from '@shoal/protocol';
import type { Coordination } from './coordinate.ts';
import type { MaintenancePlan } from './plan-maintenance.ts';

export const WORK_ORDER_MEDIA_TYPE = 'application/vnd.shoal.work-order+json';

/** What leaves the fleet: the order that a maintenance system would take in. */
export interface WorkOrder {
  readonly workOrderId: string;
  readonly deviceId: string;
  readonly detectedAt: string;
  readonly finding: Finding;
  readonly action: string;
  readonly part: MaintenancePlan['part'];
  readonly technician: MaintenancePlan['technician'];
  readonly startAt: string;
  readonly endAt: string;
  readonly late: boolean;
  readonly protection: Protection | null;
  readonly production: Pick<Coordination, 'demandPercent' | 'shortfallPercent' | 'coveredBy'>;
  readonly assumptions: readonly string[];
  readonly reasons: readonly string[];
  /** One sentence for people. */
  readonly text: string;
}

export interface Finding {
  readonly verdict: string;
  /** 0 to 1. */
  readonly confidence: number;
  readonly component: string;
  readonly evidence: readonly string[];
}

export interface Protection {
  readonly speedRpm: number;
  readonly applied: boolean;
}

/** One work order for one session, however often its step runs. */
export function workOrderId(sessionId: string): string {
  return `WO-${sessionId.slice(0, 8).toUpperCase()}`;
}

export function describeWorkOrder(order: Omit<WorkOrder, 'text'>): string {
  const { finding, part, technician, protection, production } = order;
  const parts = part === null ? 'no part needed' : `${part.name} (${part.sku})`;
  const speed =
    protection?.applied === true ? `, running at ${Math.round(protection.speedRpm)} rpm until then` : '';
  const cover =
    production.shortfallPercent === 0
      ? `load carried by ${production.coveredBy.map(({ deviceId }) => deviceId).join(', ') || 'nobody (no load)'}`
      : `${production.shortfallPercent} % of its capacity uncovered`;
  return (
    `${order.workOrderId}: ${finding.verdict} at ${finding.component} (${Math.round(finding.confidence * 100)} %). ${order.action}, ` +
    `${technician.name}, ${order.startAt.slice(0, 16).replace('T', ' ')} to ${order.endAt.slice(11, 16)}, ${parts}; ${cover}${speed}`
  );
}

/** The work order among the artifacts of a finished task; undefined when there is none. */
export function readWorkOrder(task: Task): WorkOrder | undefined {
  for (const artifact of task.artifacts ?? [])
    for (const part of artifact.parts)
      if (part.mediaType === WORK_ORDER_MEDIA_TYPE && isWorkOrder(part.data)) return part.data;
  return undefined;
}

/** As far as a reader of the log depends on it. */
function isWorkOrder(data: unknown): data is WorkOrder {
  if (typeof data !== 'object' || data === null) return false;
  const { workOrderId, deviceId, text } = data as Partial<Record<string, unknown>>;
  return [workOrderId, deviceId, text].every((field) => typeof field === 'string');
}
