import { composeOrder, isCoordinatorError, type ProductionPlan } from '@shoal/fleet-coordinator';
import type { Artifact, Part, WorkOrder } from '@shoal/protocol';
import { defineBlueprint, StepError, type Blueprint, type Json, type StepContext } from '@shoal/workflow';
import { readBooking, readFinding, readProtection, readSurvey } from './read-results.ts';
import { requiredText } from './step-input.ts';

/** Writes the order of what was booked: for programs as JSON, for people as a page and as a sentence. */
export function workOrder(production: Partial<ProductionPlan>): Blueprint {
  return defineBlueprint({
    id: 'work-order',
    description: 'Writes the work order, for programs and for people.',
    run: async (context) => {
      const { order, parts } = compose(context, production);
      return {
        output: order as unknown as Json,
        summary: `work order ${order.workOrderId} written`,
        artifacts: artifactsOf(order, parts),
      };
    },
  });
}

/** What a technician is told of an order. */
export function orderFacts({ text, finding, parts, protection }: WorkOrder): Record<string, unknown> {
  return {
    order: text,
    found: finding.evidence.slice(0, 1),
    bring: parts.map(({ name, sku, quantity }) => `${quantity} × ${name} (${sku})`),
    ...(protection === null ? {} : { runsUntilThenAtRpm: protection.speedRpm }),
  };
}

function compose(context: StepContext, production: Partial<ProductionPlan>) {
  const booking = readBooking(context);
  try {
    return composeOrder(
      {
        key: booking.key,
        deviceId: requiredText(context.input, 'deviceId'),
        detectedAt: requiredText(context.input, 'detectedAt'),
        finding: readFinding(context),
        protection: readProtection(context),
        survey: readSurvey(context),
        production,
      },
      booking,
    );
  } catch (error) {
    if (!isCoordinatorError(error)) throw error;
    const code = error.code.toUpperCase().replaceAll('-', '_');
    throw new StepError(code, error.message, { retryable: false, cause: error });
  }
}

function artifactsOf({ workOrderId }: WorkOrder, [json, page, text]: readonly Part[]): Artifact[] {
  return [
    { artifactId: workOrderId, name: 'work order', parts: [json!, text!] },
    { artifactId: `${workOrderId}.html`, name: 'work order, to print', parts: [page!] },
  ];
}
