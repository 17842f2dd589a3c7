import { join } from 'node:path';
import type { ReasonerConfig } from '@shoal/reasoner';
import type { Blueprint } from '@shoal/workflow';
import { readInventory } from '../maintenance/inventory.ts';
import { annotated } from './annotated.ts';
import { deviceProtector } from './device-protector.ts';
import { diagnostics } from './diagnostics.ts';
import { fleetCoordinator } from './fleet-coordinator.ts';
import { maintenancePlanner } from './maintenance-planner.ts';
import { neighbourSurvey } from './neighbour-survey.ts';
import { paced } from './paced.ts';

const NOTE =
  'Write a short note, at most three sentences, for the technician who gets this work order: what was found, what to do, what to bring.';

/** The recipes of the steps of the maintenance workflow. `root`: the folder with `data/`; `reasoner` null: no model. */
export function stepBlueprints(
  root: string,
  url: string,
  stepSeconds: number,
  reasoner: ReasonerConfig | null,
): readonly Blueprint[] {
  const inventory = readInventory(join(root, 'data/inventory.json'));
  const blueprints = [
    diagnostics(url, reasoner),
    neighbourSurvey(),
    maintenancePlanner(inventory),
    deviceProtector(),
    annotated(fleetCoordinator(inventory), reasoner, NOTE),
  ];
  return blueprints.map((blueprint) => paced(blueprint, stepSeconds));
}
