import { Type, type TUnsafe } from 'typebox';
import { def, type Static } from './def.ts';
import { Id, Text, Timestamp } from './base.ts';
import { Identifier } from './workflow.ts';

/** The order that leaves the fleet: what a maintenance system takes in. An artifact part of media type `WORK_ORDER_MEDIA_TYPE`. */

const percent = (description: string) => Type.Number({ minimum: 0, maximum: 100, description });
const lines = (description: string) =>
  Type.Array(Type.String({ maxLength: 2000 }), { maxItems: 200, description });

const $WorkOrder = Type.Object({
  schemaVersion: Type.Unsafe<1>({ const: 1 }),
  workOrderId: Identifier,
  sessionId: Type.Optional(Identifier),
  deviceId: Identifier,
  site: Type.Optional(Type.String()),
  detectedAt: Timestamp,
  finding: Type.Object({
    verdict: Id,
    confidence: Type.Number({ minimum: 0, maximum: 1 }),
    component: Id,
    evidence: lines('What an analyst would check, strongest first.'),
  }),
  action: Text,
  startAt: Timestamp,
  endAt: Timestamp,
  late: Type.Boolean({ description: 'Begins after the time by which the finding wants it.' }),
  technicians: Type.Array(Type.Object({ id: Id, name: Text }), { minItems: 1, maxItems: 20 }),
  parts: Type.Array(
    Type.Object({
      sku: Id,
      name: Text,
      quantity: Type.Integer({ minimum: 1 }),
      inStock: Type.Boolean({ description: 'False: it has to be ordered.' }),
      availableAt: Timestamp,
    }),
    { maxItems: 50 },
  ),
  protection: Type.Union([
    Type.Null(),
    Type.Object({
      speedRpm: Type.Number({ minimum: 0 }),
      applied: Type.Boolean({ description: 'False: the device could not be told.' }),
    }),
  ]),
  production: Type.Object({
    demandPercent: percent('Highest demand of the plant during the work, of its capacity.'),
    shortfallPercent: percent(
      "Of the device's capacity, what nobody takes over at the worst hour of the work.",
    ),
    coveredBy: Type.Array(
      Type.Object({ deviceId: Identifier, headroomPercent: percent('What it can take over.') }),
      {
        maxItems: 200,
      },
    ),
    notTogetherWith: Type.Array(Identifier, {
      maxItems: 200,
      description: 'Devices that must not be down while this one is.',
    }),
  }),
  assumptions: lines('What could not be known, and what was taken for it.'),
  reasons: lines('Why this slot.'),
  rejected: lines('What else there was, and why it was not taken.'),
  text: Type.String({ minLength: 1, maxLength: 2000, description: 'The order in a sentence.' }),
});
export interface WorkOrder extends Static<typeof $WorkOrder> {}
export const WorkOrder: TUnsafe<WorkOrder> = def('WorkOrder', $WorkOrder);
