import { Type, type Static } from 'typebox';

/** What travels, and what is stored. Times are ISO 8601 (UTC). */

const Id = Type.String({ minLength: 1, maxLength: 200 });
const Time = Type.String({ pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d(:\\d\\d(\\.\\d+)?)?Z$' });
const Amount = Type.Number({ minimum: 0, maximum: 1e12 });
const Hours = Type.Number({ minimum: 0, maximum: 100_000 });

/** Who a booking is for. The same key gets the same booking. */
export const BookingKey = Type.Object({
  sessionId: Id,
  stepId: Id,
});
export type BookingKey = Static<typeof BookingKey>;

/** What has to be done, and what the plant says about when. */
export const MaintenanceRequest = Type.Object({
  deviceId: Id,
  site: Type.Optional(Id),
  /** As the diagnosis names it; one that the catalogue does not list counts as `unknown`. */
  verdict: Id,
  /** Device time from which hours count. Default: now. */
  at: Type.Optional(Time),
  /** What an hour of standstill costs, by hour of the day (UTC). Default: the policy's. */
  downtimeCostByHour: Type.Optional(Type.Array(Amount, { minItems: 24, maxItems: 24 })),
  /** The device must not be down while one of these is. */
  notTogetherWith: Type.Optional(Type.Array(Id, { maxItems: 200 })),
  /** Further times at which it must not be down. */
  blocked: Type.Optional(
    Type.Array(Type.Object({ from: Time, to: Time, reason: Type.String({ maxLength: 200 }) }), {
      maxItems: 200,
    }),
  ),
  notBefore: Type.Optional(Time),
});
export type MaintenanceRequest = Static<typeof MaintenanceRequest>;

const PlannedPart = Type.Object({
  component: Id,
  sku: Id,
  name: Type.String(),
  quantity: Type.Number(),
  inStock: Type.Boolean(),
  availableAt: Time,
});

const PlannedTechnician = Type.Object({
  id: Id,
  name: Type.String(),
  travelBeforeMinutes: Type.Number(),
  travelAfterMinutes: Type.Number(),
});

export const PlanCost = Type.Object({
  downtime: Type.Number(),
  risk: Type.Number(),
  labour: Type.Number(),
  parts: Type.Number(),
  total: Type.Number(),
});
export type PlanCost = Static<typeof PlanCost>;

/** A slot with people and parts, what it is expected to cost, and why it was chosen. */
export const MaintenancePlan = Type.Object({
  deviceId: Id,
  site: Id,
  verdict: Id,
  component: Id,
  action: Type.String(),
  startAt: Time,
  endAt: Time,
  late: Type.Boolean(),
  technicians: Type.Array(PlannedTechnician, { minItems: 1 }),
  parts: Type.Array(PlannedPart),
  cost: PlanCost,
  /** 0 to 1: it has failed before the work begins. */
  failureChance: Type.Number({ minimum: 0, maximum: 1 }),
  /** Why this one. */
  reasons: Type.Array(Type.String()),
  /** What else there was, and why it was not taken. */
  rejected: Type.Array(Type.String()),
});
export type MaintenancePlan = Static<typeof MaintenancePlan>;

/** A plan that holds its people and parts until it is released. */
export const Booking = Type.Object({
  key: BookingKey,
  state: Type.Union([Type.Literal('booked'), Type.Literal('released')]),
  plan: MaintenancePlan,
  bookedAt: Time,
  releasedAt: Type.Optional(Time),
  releaseReason: Type.Optional(Type.String()),
});
export type Booking = Static<typeof Booking>;

const Shift = Type.Object({
  /** Days on which it begins; 0 is Sunday. Default: every day. */
  days: Type.Optional(Type.Array(Type.Integer({ minimum: 0, maximum: 6 }), { minItems: 1 })),
  /** UTC. An end that is not after the beginning is on the next day. */
  from: Type.String({ pattern: '^([01]\\d|2[0-3]):[0-5]\\d$' }),
  to: Type.String({ pattern: '^(([01]\\d|2[0-3]):[0-5]\\d|24:00)$' }),
});

/** What a new database begins with. */
export const Seed = Type.Object({
  site: Type.Optional(Id),
  parts: Type.Array(
    Type.Object({
      sku: Id,
      name: Type.String({ minLength: 1 }),
      fits: Type.Array(Id),
      stock: Type.Integer({ minimum: 0 }),
      leadTimeHours: Hours,
      unitCost: Type.Optional(Amount),
    }),
  ),
  technicians: Type.Array(
    Type.Object({
      id: Id,
      name: Type.String({ minLength: 1 }),
      skills: Type.Array(Id),
      site: Type.Optional(Id),
      costPerHour: Type.Optional(Amount),
      shifts: Type.Array(Shift, { minItems: 1 }),
      /** Hours after the moment of seeding. */
      booked: Type.Optional(
        Type.Array(Type.Object({ fromHour: Hours, toHour: Hours, site: Type.Optional(Id) })),
      ),
    }),
  ),
  travel: Type.Optional(
    Type.Array(Type.Object({ from: Id, to: Id, minutes: Type.Number({ minimum: 0, maximum: 10_000 }) })),
  ),
});
export type Seed = Static<typeof Seed>;
