import { join } from 'node:path';
import type { Blueprint } from '@shoal/workflow';
import { readInventory } from '../maintenance/inventory.ts';
import { deviceProtector } from './device-protector.ts';
import { diagnostics } from './diagnostics.ts';
import { fleetCoordinator } from './fleet-coordinator.ts';
import { maintenancePlanner } from './maintenance-planner.ts';
import { neighbourSurvey } from './neighbour-survey.ts';
import { paced } from './paced.ts';

/** The recipes of the steps of the maintenance workflow. `root`: the folder with `data/`. */
export function stepBlueprints(root: string, url: string, stepSeconds: number): readonly Blueprint[] {
  const inventory = readInventory(join(root, 'data/inventory.json'));
  const blueprints = [
    diagnostics(url),
    neighbourSurvey(),
    maintenancePlanner(inventory),
    deviceProtector(),
    fleetCoordinator(inventory),
  ];
  return blueprints.map((blueprint) => paced(blueprint, stepSeconds));
}
