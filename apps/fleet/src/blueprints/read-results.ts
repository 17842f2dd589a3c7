import { blindSurvey, type Survey } from '@shoal/fleet-coordinator';
import type { Booking } from '@shoal/maintenance-planner';
import type { WorkOrder } from '@shoal/protocol';
import { StepError, type StepContext } from '@shoal/workflow';
import { asFields, requiredNumber, requiredText } from './step-input.ts';

/** What the steps of the workflow leave for those after them. Results of our own steps: what is read here was written a step before. */

/** Without a survey nobody is counted on, and the order says so. */
export function readSurvey({ results }: StepContext): Survey {
  const survey = asFields(results['survey']);
  const complete = ['neighbours', 'group', 'assumptions'].every((field) => Array.isArray(survey[field]));
  return complete ? (survey as unknown as Survey) : blindSurvey();
}

export function readBooking({ results }: StepContext): Booking {
  const booking = asFields(results['plan']);
  if (asFields(booking['plan'])['startAt'] === undefined)
    throw new StepError('INPUT_INVALID', 'the result of step plan is not a booking', { retryable: false });
  return booking as unknown as Booking;
}

export function readFinding({ results }: StepContext): WorkOrder['finding'] {
  const diagnosis = asFields(results['diagnose']);
  const evidence = diagnosis['evidence'];
  return {
    verdict: requiredText(diagnosis, 'verdict'),
    confidence: requiredNumber(diagnosis, 'confidence'),
    component: requiredText(diagnosis, 'component'),
    evidence: Array.isArray(evidence) ? evidence.filter((line) => typeof line === 'string') : [],
  };
}

export function readProtection({ needs }: StepContext): WorkOrder['protection'] {
  const result = needs['protect'];
  if (result === undefined || result.state === 'skipped') return null;
  const { speedRpm } = asFields(result.output);
  return { speedRpm: typeof speedRpm === 'number' ? speedRpm : 0, applied: result.state === 'completed' };
}
