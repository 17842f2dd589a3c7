import type { Booking, BookingKey, MaintenanceDesk, MaintenanceRequest } from '@shoal/maintenance-planner';
import { bookMaintenance, releaseMaintenance } from '@shoal/maintenance-planner';
import type { CallOptions, Requester } from '@shoal/agent-sdk';
import { endSpan, startSpan } from '@shoal/mqtt-link/tracing';
import {
  assertValid,
  isProtocolError,
  WORK_ORDER_MEDIA_TYPE,
  type AgentAddress,
  type Part,
  type WorkOrder,
} from '@shoal/protocol';
import { DEFAULT_PRODUCTION, downtimeByHour, type ProductionPlan } from '../core/production.ts';
import { renderWorkOrder } from '../core/render-html.ts';
import type { Survey } from '../core/survey.ts';
import { buildWorkOrder, workOrderId } from '../core/work-order.ts';
import { CoordinatorError } from '../errors.ts';

/** Where slots are booked: a `MaintenanceDesk` in this process, or a planner's agent by way of `remoteDesk`. */
export type BookingDesk = Pick<MaintenanceDesk, 'book'> & {
  release(key: BookingKey, reason: string): Promise<unknown>;
};

export interface OrderRequest {
  /** Of the booking: the same session and step get the same order. */
  readonly key: BookingKey;
  readonly deviceId: string;
  /** ISO 8601, device time. */
  readonly detectedAt: string;
  readonly finding: WorkOrder['finding'];
  readonly protection?: WorkOrder['protection'];
  readonly survey: Survey;
  readonly production?: Partial<ProductionPlan>;
  readonly site?: string;
  readonly proposedStartAt?: string;
}

export interface WrittenOrder {
  readonly order: WorkOrder;
  readonly booking: Booking;
  /** The order as JSON, as a page, and as a sentence. */
  readonly parts: readonly Part[];
}

/** What of an order the planner has to know. */
export type SlotRequest = Pick<
  OrderRequest,
  'key' | 'deviceId' | 'detectedAt' | 'survey' | 'production' | 'site'
> & { readonly finding: Pick<WorkOrder['finding'], 'verdict'> };

/**
 * Books the slot that costs the plant least, given what the neighbours can carry, and writes the work order: `bookSlot` and `composeOrder`
 * in one, for those who need not undo the booking when the order fails. Rejects like them.
 */
export async function writeWorkOrder(desk: BookingDesk, request: OrderRequest): Promise<WrittenOrder> {
  return composeOrder(request, await bookSlot(desk, request));
}

/**
 * Books the slot. The same key gets the same booking. Rejects with PlannerError (or A2aError, of a remote desk) when nothing can be
 * booked, and with CoordinatorError `invalid-production`.
 */
export async function bookSlot(desk: BookingDesk, request: SlotRequest): Promise<Booking> {
  const { key, deviceId, detectedAt, finding, survey, site } = request;
  const production = productionOf(request);
  return desk.book(key, {
    deviceId,
    verdict: finding.verdict,
    at: detectedAt,
    downtimeCostByHour: downtimeByHour(production, survey.loadPercent ?? 100, survey.neighbours).map(
      ({ cost }) => cost,
    ),
    notTogetherWith: [...survey.group].slice(0, 200),
    blocked: production.campaigns.map((campaign) => ({ ...campaign })),
    ...(site === undefined ? {} : { site }),
  } satisfies MaintenanceRequest);
}

/** Writes the order of a booking. The same facts give the same order. Throws CoordinatorError `invalid-production`, `order-invalid`. */
export function composeOrder(request: OrderRequest, booking: Booking): WrittenOrder {
  const { key, deviceId } = request;
  const span = startSpan('@shoal/fleet-coordinator', 'work order', {
    attributes: { 'shoal.work_order.id': workOrderId(key.sessionId), 'shoal.device.id': deviceId },
  });
  let failure: string | undefined = 'order-invalid';
  try {
    const written = compose(request, booking);
    failure = undefined;
    return written;
  } finally {
    endSpan(span, failure);
  }
}

function compose(request: OrderRequest, booking: Booking): WrittenOrder {
  const { key, deviceId, detectedAt, finding, protection = null, survey, proposedStartAt } = request;
  const order = buildWorkOrder({
    sessionId: key.sessionId,
    deviceId,
    detectedAt,
    finding,
    protection,
    survey,
    production: productionOf(request),
    plan: booking.plan,
    proposedStartAt,
  });
  try {
    assertValid('WorkOrder', order);
  } catch (error) {
    if (isProtocolError(error)) throw new CoordinatorError('order-invalid', error.message, { cause: error });
    throw error;
  }
  return { order, booking, parts: partsOf(order) };
}

function productionOf({ production }: Pick<OrderRequest, 'production'>): ProductionPlan {
  const whole = { ...DEFAULT_PRODUCTION, ...production };
  assertProduction(whole);
  return whole;
}

function partsOf(order: WorkOrder): Part[] {
  return [
    { data: { ...order }, mediaType: WORK_ORDER_MEDIA_TYPE },
    { text: renderWorkOrder(order), mediaType: 'text/html', filename: `${order.workOrderId}.html` },
    { text: order.text, mediaType: 'text/plain' },
  ] as Part[];
}

/** A planner's agent as a desk. */
export function remoteDesk(
  requester: Requester,
  planner: AgentAddress,
  options: CallOptions = {},
): BookingDesk {
  return {
    book: (key, request) => bookMaintenance.call(requester, planner, { key, request }, options),
    release: (key, reason) => releaseMaintenance.call(requester, planner, { key, reason }, options),
  };
}

function assertProduction({
  demandPercentByHour,
  valuePerHour,
  fixedCostPerHour,
  campaigns,
}: ProductionPlan): void {
  const wrong = (field: string, rule: string): never => {
    throw new CoordinatorError('invalid-production', `production.${field} ${rule}`);
  };
  if (demandPercentByHour.length !== 24)
    wrong('demandPercentByHour', 'needs 24 numbers, one for each hour of the day');
  demandPercentByHour.forEach((percent, i) => {
    if (!(percent >= 0 && percent <= 100)) wrong(`demandPercentByHour[${i}]`, 'must be from 0 to 100');
  });
  if (!(valuePerHour >= 0)) wrong('valuePerHour', 'must not be negative');
  if (!(fixedCostPerHour >= 0)) wrong('fixedCostPerHour', 'must not be negative');
  campaigns.forEach(({ from, to }, i) => {
    if (!(Date.parse(from) < Date.parse(to))) wrong(`campaigns[${i}]`, 'needs from before to, both ISO 8601');
  });
}
