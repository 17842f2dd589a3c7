import { draftText } from '@shoal/reasoner';
import type { Blueprint, Json, StepOutput } from '@shoal/workflow';
import type { ReasonerSetup } from './open-reasoner.ts';
import { reason } from './step-reasoner.ts';

/** A grammar ends the note there, well before a model that rambles is out of tokens. */
const NOTE_CHARACTERS = 300;

/**
 * Adds a note for the people who read the step's result, drafted by a model from that result: an artifact beside the others, with who
 * wrote it. Nothing reads it but people; output and summary stay as they are. `facts`: what of the output the note is written from; a
 * small model takes a second for every hundred words of it.
 */
export function annotated(
  blueprint: Blueprint,
  setup: ReasonerSetup | null,
  instructions: string,
  facts: (output: Json) => Record<string, unknown> = (result) => ({ result }),
): Blueprint {
  if (setup === null) return blueprint;
  return {
    ...blueprint,
    async run(context): Promise<StepOutput> {
      const result = await blueprint.run(context);
      const task = draftText({
        purpose: `${context.stepId}-note`,
        instructions,
        data: { summary: result.summary ?? '', ...facts(result.output) },
        maxCharacters: NOTE_CHARACTERS,
        fallback: (result.summary ?? 'No note.').slice(0, NOTE_CHARACTERS) || 'No note.',
      });
      const { output, by, fallback } = await reason(setup, context, task);
      const note = {
        artifactId: `${context.stepId}-note`,
        name: 'note',
        description: `Written by ${by} from the result. ${fallback ?? ''}`.trim(),
        parts: [{ text: output.text, mediaType: 'text/plain' }],
      };
      return { ...result, artifacts: [...(result.artifacts ?? []), note] };
    },
  };
}
