import { isA2aError } from '@shoal/agent-sdk';
import { bookSlot, remoteDesk, type BookingDesk, type ProductionPlan } from '@shoal/fleet-coordinator';
import { PLANNER_ERROR_CODES, type Booking } from '@shoal/maintenance-planner';
import { defineBlueprint, StepError, type Blueprint, type Json, type StepContext } from '@shoal/workflow';
import { PLANNER_AGENT } from '../roles/config.ts';
import { readSurvey } from './read-results.ts';
import { requiredText } from './step-input.ts';

/** The planner answers at once or is being respawned: the profile's 15 seconds would eat up the step's time. */
const PATIENCE = { firstReplyTimeoutMs: 4_000, maxAttempts: 3 };

/**
 * Books the repair with the plant's planner, at what the neighbours and the production make of an hour's standstill. The key is session and
 * step: an attempt that follows another gets the same booking.
 */
export function slotBooking(production: Partial<ProductionPlan>): Blueprint {
  return defineBlueprint({
    id: 'slot-booking',
    description: 'Books parts, people and the slot that costs the plant least.',
    async run(context) {
      const { input, sessionId, stepId } = context;
      const booking = await asStepError(
        bookSlot(deskOf(context), {
          key: { sessionId, stepId },
          deviceId: requiredText(input, 'deviceId'),
          detectedAt: requiredText(input, 'detectedAt'),
          finding: { verdict: requiredText(input, 'verdict') },
          survey: readSurvey(context),
          production,
        }),
      );
      return { output: booking as unknown as Json, summary: describe(booking) };
    },
  });
}

/** Undoes `slotBooking`: gives slot, people and parts back. Input: the step that booked. */
export function slotRelease(): Blueprint {
  return defineBlueprint({
    id: 'slot-release',
    description: 'Gives a booking back to the planner.',
    async run(context) {
      const { input, sessionId } = context;
      const stepId = requiredText(input, 'bookedBy');
      const reason = `session ${sessionId} did not come to a work order`;
      await asStepError(deskOf(context).release({ sessionId, stepId }, reason));
      return { output: { sessionId, stepId }, summary: 'slot, people and parts are free again' };
    },
  });
}

function deskOf({ requester, org, unit, signal }: StepContext): BookingDesk {
  return remoteDesk(requester, { org, unit, agentId: PLANNER_AGENT }, { signal, ...PATIENCE });
}

/** What the planner refuses is final and its code becomes the step's; silence, or a planner that died at it, is worth another attempt. */
async function asStepError<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!isA2aError(error)) throw error;
    const code = Object.keys(PLANNER_ERROR_CODES).find((known) => error.message.includes(`: ${known}: `));
    throw new StepError(
      code === undefined ? 'PLANNER_SILENT' : code.toUpperCase().replaceAll('-', '_'),
      error.message,
      { retryable: code === undefined, cause: error },
    );
  }
}

function describe({ plan }: Booking): string {
  const parts = plan.parts.map(({ sku, inStock }) => `${sku} ${inStock ? 'in stock' : 'to be ordered'}`);
  const when = `${plan.startAt.slice(0, 16).replace('T', ' ')} to ${plan.endAt.slice(11, 16)}`;
  const who = plan.technicians.map(({ name }) => name).join(' and ');
  return `booked ${who}, ${when}, ${parts.join(', ') || 'no part'}`;
}
