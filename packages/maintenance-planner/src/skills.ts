import { defineSkill, Type } from '@shoal/agent-sdk/skills';
import { Booking, BookingKey, MaintenancePlan, MaintenanceRequest } from './core/schemas.ts';

/** What both ends of a call to a maintenance planner share. A failed call's message begins with the error's code. */
export const proposeMaintenance = defineSkill({
  id: 'propose-maintenance',
  name: 'Propose maintenance',
  description:
    'Finds the slot of least expected cost for a repair, says why, and what was rejected. Books nothing.',
  tags: ['maintenance', 'planning'],
  input: MaintenanceRequest,
  output: MaintenancePlan,
});

/** Plans and books. A step that is run again gets the booking that it has: `key` is its session and step. */
export const bookMaintenance = defineSkill({
  id: 'book-maintenance',
  name: 'Book maintenance',
  description:
    'Plans a repair and books technicians and parts. The same session and step get the same booking.',
  tags: ['maintenance', 'booking'],
  input: Type.Object({ key: BookingKey, request: MaintenanceRequest }),
  output: Booking,
});

/** Undoes `bookMaintenance`. `released` is false when nothing was ever booked under the key. */
export const releaseMaintenance = defineSkill({
  id: 'release-maintenance',
  name: 'Release maintenance',
  description: 'Gives a booking back. Releasing twice, or what was never booked, changes nothing.',
  tags: ['maintenance', 'booking'],
  input: Type.Object({ key: BookingKey, reason: Type.String({ minLength: 1, maxLength: 500 }) }),
  output: Type.Object({ released: Type.Boolean() }),
});

/** Of `deviceIds`, or of all; at most `limit`, or 500. */
export const listMaintenance = defineSkill({
  id: 'list-maintenance',
  name: 'List maintenance',
  description: 'Bookings, the newest first.',
  tags: ['maintenance', 'booking'],
  input: Type.Object({
    deviceIds: Type.Optional(Type.Array(Type.String(), { maxItems: 500 })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 500 })),
  }),
  output: Type.Object({ bookings: Type.Array(Booking) }),
});
