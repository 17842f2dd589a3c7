import { defineSkill, Type } from '@shoal/agent-sdk/skills';
import type { WorkOrder } from '@shoal/protocol';

const Id = Type.String({ minLength: 1, maxLength: 200 });
const Time = Type.String({ pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d(:\\d\\d(\\.\\d+)?)?Z$' });

/** The skill as both ends of a call share it. The same `sessionId` gets the same order. */
export const coordinateDowntime = defineSkill({
  id: 'coordinate-downtime',
  name: 'Coordinate downtime',
  description:
    'Asks the neighbours of a device what they can carry, books the slot that costs the plant least, and writes the work order: ' +
    'JSON as the answer, a page for people as an artifact. The same session gets the same order.',
  tags: ['maintenance', 'work-order', 'coordination'],
  input: Type.Object({
    sessionId: Id,
    deviceId: Id,
    detectedAt: Time,
    finding: Type.Object({
      verdict: Id,
      confidence: Type.Number({ minimum: 0, maximum: 1 }),
      component: Id,
      evidence: Type.Array(Type.String({ maxLength: 2000 }), { maxItems: 200 }),
    }),
    site: Type.Optional(Id),
  }),
  output: Type.Unsafe<WorkOrder>({
    type: 'object',
    required: ['workOrderId', 'deviceId', 'startAt', 'endAt', 'text'],
  }),
});

/** The skill that undoes `coordinateDowntime`; as a compensation it may be called again. */
export const cancelWorkOrder = defineSkill({
  id: 'cancel-work-order',
  name: 'Cancel work order',
  description: 'Gives the slot, the people and the parts of a session back. Canceling twice changes nothing.',
  tags: ['maintenance', 'work-order'],
  input: Type.Object({ sessionId: Id, reason: Type.String({ minLength: 1, maxLength: 500 }) }),
  output: Type.Object({ canceled: Type.Boolean() }),
});
