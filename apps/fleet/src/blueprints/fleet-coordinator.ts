import { defineBlueprint, StepError, type Blueprint, type StepContext } from '@shoal/workflow';
import type { JsonValue } from '@shoal/protocol';
import { coordinateDowntime, type Coordination, type NeighbourAnswer } from '../maintenance/coordinate.ts';
import { failureMode } from '../maintenance/failure-modes.ts';
import type { Inventory } from '../maintenance/inventory.ts';
import {
  describeWorkOrder,
  WORK_ORDER_MEDIA_TYPE,
  workOrderId,
  type Finding,
  type Protection,
  type WorkOrder,
} from '../maintenance/work-order.ts';
import { asFields, requiredDate, requiredNumber, requiredText } from './step-input.ts';

/** Weighs the neighbours' load and the plant's demand, fixes the slot and writes the work order. */
export function fleetCoordinator(inventory: Inventory): Blueprint {
  return defineBlueprint({
    id: 'fleet-coordinator',
    description: 'Weighs neighbours and production, fixes the slot, writes the work order.',
    async run(context) {
      const order = writeOrder(context, inventory);
      return {
        output: order as unknown as { [key: string]: never },
        summary: `work order ${order.workOrderId} written`,
        artifacts: [
          {
            artifactId: order.workOrderId,
            name: 'work order',
            parts: [
              { data: order as unknown as JsonValue, mediaType: WORK_ORDER_MEDIA_TYPE },
              { text: order.text, mediaType: 'text/plain' },
            ],
          },
        ],
      };
    },
  });
}

function writeOrder(context: StepContext, inventory: Inventory): WorkOrder {
  const { input, sessionId } = context;
  const now = requiredDate(input, 'detectedAt');
  const finding = readFinding(context);
  const mode = failureMode(finding.verdict);
  const survey = readSurvey(context);
  const coordination = coordinateDowntime(mode, inventory, survey.loadPercent, survey.neighbours, now);
  if (coordination === undefined)
    throw new StepError('NO_SLOT', `nobody with the skill "${mode.skill}" is free within 60 days`, {
      retryable: false,
    });
  const { plan } = coordination;
  const order = {
    workOrderId: workOrderId(sessionId),
    deviceId: requiredText(input, 'deviceId'),
    detectedAt: now.toISOString(),
    finding,
    action: mode.action,
    part: plan.part,
    technician: plan.technician,
    startAt: plan.startAt,
    endAt: plan.endAt,
    late: plan.late,
    protection: readProtection(context),
    production: {
      demandPercent: coordination.demandPercent,
      shortfallPercent: coordination.shortfallPercent,
      coveredBy: coordination.coveredBy,
    },
    assumptions: [...survey.assumptions, ...coordination.assumptions],
    reasons: [...plan.reasons, ...movedReason(context, coordination)],
  };
  return { ...order, text: describeWorkOrder(order) };
}

/** Why the slot is not the planner's: the earliest one was not the best for the plant. */
function movedReason(context: StepContext, { plan, shortfallPercent }: Coordination): string[] {
  const proposed = asFields(context.results['plan'])['startAt'];
  if (typeof proposed !== 'string' || proposed === plan.startAt) return [];
  const gain = shortfallPercent === 0 ? 'the neighbours can carry the load' : 'the shortfall is smallest';
  return [`moved from ${proposed} to ${plan.startAt}, when ${gain}`];
}

function readFinding(context: StepContext): Finding {
  const diagnosis = asFields(context.results['diagnose']);
  const evidence = diagnosis['evidence'];
  return {
    verdict: requiredText(diagnosis, 'verdict'),
    confidence: requiredNumber(diagnosis, 'confidence'),
    component: requiredText(diagnosis, 'component'),
    evidence: Array.isArray(evidence) ? evidence.filter((line) => typeof line === 'string') : [],
  };
}

interface Survey {
  readonly loadPercent: number;
  readonly neighbours: readonly NeighbourAnswer[];
  readonly assumptions: readonly string[];
}

/** Without a survey, or without the device's own load, the order is written on the worst case, and says so. */
function readSurvey(context: StepContext): Survey {
  const survey = context.results['survey'];
  if (survey === undefined)
    return {
      loadPercent: 100,
      neighbours: [],
      assumptions: ['the neighbours could not be asked: nobody is counted on'],
    };
  const { loadPercent, neighbours } = asFields(survey);
  const known = typeof loadPercent === 'number';
  return {
    loadPercent: known ? loadPercent : 100,
    neighbours: Array.isArray(neighbours) ? (neighbours as unknown as NeighbourAnswer[]) : [],
    assumptions: known ? [] : ['the load of the device is not known: counted as 100 %'],
  };
}

function readProtection(context: StepContext): Protection | null {
  const result = context.needs['protect'];
  if (result === undefined || result.state === 'skipped') return null;
  const { speedRpm } = asFields(result.output);
  return { speedRpm: typeof speedRpm === 'number' ? speedRpm : 0, applied: result.state === 'completed' };
}
