import type { MaintenancePlan } from '@shoal/maintenance-planner';
import type { WorkOrder } from '@shoal/protocol';
import type { Survey } from './survey.ts';
import { coverage, type ProductionPlan } from './production.ts';

export interface OrderInput {
  readonly sessionId: string;
  readonly deviceId: string;
  /** Device time of the finding, ISO 8601. */
  readonly detectedAt: string;
  readonly finding: WorkOrder['finding'];
  readonly protection: WorkOrder['protection'];
  readonly survey: Survey;
  readonly production: ProductionPlan;
  readonly plan: MaintenancePlan;
  /** Start that the planner proposed without knowing the neighbours. */
  readonly proposedStartAt?: string | undefined;
}

/** The order, from facts alone: the same facts give the same order. */
export function buildWorkOrder(input: OrderInput): WorkOrder {
  const { sessionId, deviceId, detectedAt, finding, protection, survey, production, plan } = input;
  const covered = coverage(
    production,
    survey.loadPercent ?? 100,
    survey.neighbours,
    plan.startAt,
    plan.endAt,
  );
  const order = {
    schemaVersion: 1 as const,
    workOrderId: workOrderId(sessionId),
    sessionId,
    deviceId,
    site: plan.site,
    detectedAt,
    finding: { ...finding, evidence: finding.evidence.slice(0, 200).map((line) => line.slice(0, 2000)) },
    action: plan.action,
    startAt: plan.startAt,
    endAt: plan.endAt,
    late: plan.late,
    technicians: plan.technicians.map(({ id, name }) => ({ id, name })),
    parts: plan.parts.map(({ sku, name, quantity, inStock, availableAt }) => ({
      sku,
      name,
      quantity,
      inStock,
      availableAt,
    })),
    protection,
    production: {
      demandPercent: covered.demandPercent,
      shortfallPercent: covered.shortfallPercent,
      coveredBy: covered.coveredBy.map((entry) => ({ ...entry })),
      notTogetherWith: [...survey.group],
    },
    assumptions: survey.assumptions.slice(0, 200).map((line) => line.slice(0, 2000)),
    reasons: [...plan.reasons, ...movedReason(input)],
    rejected: [...plan.rejected],
  };
  return { ...order, text: describeOrder(order) };
}

/** One order for one session, however often its step runs. */
export function workOrderId(sessionId: string): string {
  return `WO-${sessionId.slice(0, 8).toUpperCase()}`;
}

function movedReason({ proposedStartAt, plan }: OrderInput): string[] {
  if (proposedStartAt === undefined || proposedStartAt === plan.startAt) return [];
  return [
    `moved from ${minute(proposedStartAt)} to ${minute(plan.startAt)}: cheaper for the plant, with what the neighbours said`,
  ];
}

function describeOrder(order: Omit<WorkOrder, 'text'>): string {
  const { finding, parts, technicians, protection, production } = order;
  const needed = parts
    .map(({ name, sku, inStock }) => `${name} (${sku}${inStock ? '' : ', to be ordered'})`)
    .join(', ');
  const speed =
    protection?.applied === true ? `, running at ${Math.round(protection.speedRpm)} rpm until then` : '';
  const helpers = production.coveredBy.map(({ deviceId }) => deviceId).join(', ');
  const cover =
    production.shortfallPercent === 0
      ? `load carried by ${helpers === '' ? 'nobody (no load)' : helpers}`
      : `${production.shortfallPercent} % of its capacity uncovered`;
  return (
    `${order.workOrderId}: ${finding.verdict} at ${finding.component} (${Math.round(finding.confidence * 100)} %). ${order.action}, ` +
    `${technicians.map(({ name }) => name).join(' and ')}, ${minute(order.startAt)} to ${order.endAt.slice(11, 16)}, ` +
    `${needed === '' ? 'no part needed' : needed}; ${cover}${speed}`
  ).slice(0, 2000);
}

function minute(iso: string): string {
  return iso.slice(0, 16).replace('T', ' ');
}
