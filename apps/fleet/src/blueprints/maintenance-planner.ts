import { defineBlueprint, StepError, type Blueprint } from '@shoal/workflow';
import { failureMode } from '../maintenance/failure-modes.ts';
import type { Inventory } from '../maintenance/inventory.ts';
import { planMaintenance } from '../maintenance/plan-maintenance.ts';
import { requiredDate, requiredText } from './step-input.ts';

/** Finds part, technician and the earliest slot for a verdict. */
export function maintenancePlanner(inventory: Inventory): Blueprint {
  return defineBlueprint({
    id: 'maintenance-planner',
    description: 'Plans a repair against parts, technicians, skills, shifts and bookings.',
    async run({ input }) {
      const mode = failureMode(requiredText(input, 'verdict'));
      const plan = planMaintenance(mode, inventory, requiredDate(input, 'detectedAt'));
      if (plan === undefined)
        throw new StepError('NO_SLOT', `nobody with the skill "${mode.skill}" is free within 60 days`, {
          retryable: false,
        });
      const when = plan.startAt.slice(0, 16).replace('T', ' ');
      const part =
        plan.part === null ? 'no part' : `${plan.part.sku}${plan.part.inStock ? ' in stock' : ' on order'}`;
      return {
        output: { ...plan, part: plan.part, technician: plan.technician, reasons: [...plan.reasons] },
        summary: `${plan.technician.name} could start ${when}, ${part}`,
      };
    },
  });
}
