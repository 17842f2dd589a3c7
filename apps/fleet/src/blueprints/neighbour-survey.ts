import { isCoordinatorError, surveyNeighbours, type Survey } from '@shoal/fleet-coordinator';
import { defineBlueprint, StepError, type Blueprint, type Json } from '@shoal/workflow';
import { requiredText } from './step-input.ts';

/**
 * Finds the devices that have to do with this one in the registry, by relation and by place, and asks the agent of each over A2A. Who is
 * silent, asleep or not believed is in the assumptions.
 */
export function neighbourSurvey(): Blueprint {
  return defineBlueprint({
    id: 'neighbour-survey',
    description: 'Asks the agents of neighbouring devices for load and health.',
    async run(context) {
      const survey = await surveyNeighbours(context, requiredText(context.input, 'deviceId')).catch(
        (error: unknown) => {
          if (!isCoordinatorError(error)) throw error;
          throw new StepError('SURVEY_FAILED', error.message, { retryable: true, cause: error });
        },
      );
      return { output: survey as unknown as Json, summary: describe(survey) };
    },
  });
}

function describe({ neighbours }: Survey): string {
  const answered = neighbours.filter((neighbour) => neighbour.answered);
  const lines = neighbours.map(({ deviceId, relation, loadPercent }) => {
    const load = loadPercent === null ? 'load unknown' : `at ${Math.round(loadPercent)} %`;
    return `${deviceId} ${load} (${relation})`;
  });
  return `${answered.length} of ${neighbours.length} neighbours answered: ${lines.join(', ') || 'none known'}`;
}
