import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ProductionPlan } from '@shoal/fleet-coordinator';
import type { WorkOrder } from '@shoal/protocol';
import type { Blueprint } from '@shoal/workflow';
import { annotated } from './annotated.ts';
import { deviceProtector } from './device-protector.ts';
import { diagnostics } from './diagnostics.ts';
import { neighbourSurvey } from './neighbour-survey.ts';
import type { ReasonerSetup } from './open-reasoner.ts';
import { paced } from './paced.ts';
import { slotBooking, slotRelease } from './slot-booking.ts';
import { orderFacts, workOrder } from './work-order.ts';

const NOTE =
  'Write a short note, at most three sentences, for the technician who gets this work order: what was found, what to do, what to bring.';

/** The recipes of the steps of the maintenance workflow. `root`: the folder with `data/`; `reasoner` null: no model. */
export function stepBlueprints(
  root: string,
  url: string,
  stepSeconds: number,
  reasoner: ReasonerSetup | null,
): readonly Blueprint[] {
  const file = join(root, 'data/production.json');
  const production = JSON.parse(readFileSync(file, 'utf8')) as Partial<ProductionPlan>;
  const blueprints = [
    diagnostics(url, reasoner),
    neighbourSurvey(),
    slotBooking(production),
    slotRelease(),
    deviceProtector(),
    annotated(workOrder(production), reasoner, NOTE, (order) => orderFacts(order as unknown as WorkOrder)),
  ];
  return blueprints.map((blueprint) => paced(blueprint, stepSeconds));
}
