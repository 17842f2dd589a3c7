import { describeNoSlot, describePlan } from '../core/explain.ts';
import { searchSlots } from '../core/plan.ts';
import { DEFAULT_POLICY, problemOf, type PlanningPolicy } from '../core/policy.ts';
import type { Booking, BookingKey, MaintenancePlan, MaintenanceRequest } from '../core/schemas.ts';
import type { MaintenanceStore, StoreTransaction } from '../core/store.ts';
import { PlannerError } from '../errors.ts';

export interface DeskOptions {
  readonly store: MaintenanceStore;
  readonly policy?: Partial<PlanningPolicy>;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

/** Plans and books. Nothing but the store remembers anything. */
export interface MaintenanceDesk {
  readonly policy: PlanningPolicy;
  /** What it would book now. Books nothing. Rejects with PlannerError `no-slot`, `invalid-job`, `problem-too-large`. */
  propose(request: MaintenanceRequest): Promise<MaintenancePlan>;
  /**
   * Plans and books in one transaction. The same key gets the same booking, whatever else has changed in the request, so a step that is
   * run again books nothing new. Rejects like `propose`, and with `key-taken`, `booking-released`, `store-full`, `store-failed`.
   */
  book(key: BookingKey, request: MaintenanceRequest): Promise<Booking>;
  /**
   * Gives back technicians, parts and slot: what undoes `book`. Releasing twice, or what was never booked, changes nothing: undefined is
   * returned for the latter.
   */
  release(key: BookingKey, reason: string): Promise<Booking | undefined>;
  /** Newest first, at most 500. */
  list(filter?: {
    readonly deviceIds?: readonly string[];
    readonly limit?: number;
  }): Promise<readonly Booking[]>;
}

const MAX_LISTED = 500;
const DAY_MS = 86_400_000;

/** Throws PlannerError `invalid-job` when the policy makes no sense. The store stays with its owner, who closes it. */
export function createDesk({ store, now = Date.now, ...options }: DeskOptions): MaintenanceDesk {
  const policy = { ...DEFAULT_POLICY, ...options.policy };
  assertPolicy(policy);
  return {
    policy,
    propose: (request) => store.transact((transaction) => planWith(transaction, request, policy, now())),
    book: (key, request) =>
      store.transact((transaction) => {
        const existing = transaction.find(key);
        if (existing !== undefined) return sameBooking(existing, request);
        const plan = planWith(transaction, request, policy, now());
        const booking: Booking = { key, state: 'booked', plan, bookedAt: new Date(now()).toISOString() };
        transaction.insert(booking);
        return booking;
      }),
    release: (key, reason) =>
      store.transact((transaction) => {
        const existing = transaction.find(key);
        if (existing === undefined || existing.state === 'released') return existing;
        const releasedAt = new Date(now()).toISOString();
        const released: Booking = { ...existing, state: 'released', releasedAt, releaseReason: reason };
        transaction.release(released);
        return released;
      }),
    list: ({ deviceIds, limit = MAX_LISTED } = {}) =>
      store.transact((transaction) =>
        transaction.bookings({
          limit: Math.min(limit, MAX_LISTED),
          ...(deviceIds === undefined ? {} : { deviceIds }),
        }),
      ),
  };
}

function planWith(
  transaction: StoreTransaction,
  request: MaintenanceRequest,
  policy: PlanningPolicy,
  nowMs: number,
): MaintenancePlan {
  const fromMs = request.at === undefined ? nowMs : Date.parse(request.at);
  // A day back: a shift may have begun, and travel reckons from the work before.
  const { mode, ...problem } = problemOf(request, transaction.read(fromMs - DAY_MS), policy, nowMs);
  const search = searchSlots(problem);
  if (search.best === undefined) throw new PlannerError('no-slot', describeNoSlot(problem, search));
  return describePlan(problem, mode, request.verdict, search, search.best);
}

function sameBooking(existing: Booking, { deviceId }: MaintenanceRequest): Booking {
  const { sessionId, stepId } = existing.key;
  if (existing.plan.deviceId !== deviceId)
    throw new PlannerError(
      'key-taken',
      `${sessionId}/${stepId} stands for a booking of ${existing.plan.deviceId}, not of ${deviceId}`,
    );
  if (existing.state === 'released')
    throw new PlannerError(
      'booking-released',
      `the booking ${sessionId}/${stepId} was released: ${existing.releaseReason ?? 'no reason given'}`,
    );
  return existing;
}

function assertPolicy({
  downtimeCostByHour,
  gridMinutes,
  horizonDays,
  gapHours,
  failureCost,
  lifeShape,
}: PlanningPolicy): void {
  const wrong = (field: string, rule: string): never => {
    throw new PlannerError('invalid-job', `policy.${field} ${rule}`);
  };
  if (downtimeCostByHour.length !== 24 || downtimeCostByHour.some((cost) => !(cost >= 0)))
    wrong('downtimeCostByHour', 'needs 24 numbers that are not negative');
  if (!(gridMinutes >= 5 && gridMinutes <= 1440)) wrong('gridMinutes', 'must be from 5 to 1440');
  if (!(horizonDays > 0 && horizonDays <= 366)) wrong('horizonDays', 'must be above 0, at most 366');
  if (!(gapHours >= 0)) wrong('gapHours', 'must not be negative');
  if (!(failureCost >= 0)) wrong('failureCost', 'must not be negative');
  if (!(lifeShape > 0)) wrong('lifeShape', 'must be above 0');
}
