import type { ReasoningTask } from '../types.ts';

interface About extends Pick<ReasoningTask<unknown>, 'sessionId' | 'stepId' | 'attempt' | 'tools'> {
  readonly purpose: string;
  readonly instructions: string;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface Draft {
  readonly text: string;
}

export interface DraftOptions extends About {
  /** What the rules would write. It must be from 1 to `maxCharacters` long. */
  readonly fallback: string;
  /** Default 600. */
  readonly maxCharacters?: number;
}

/** Text for people, written from facts. Whatever stands in it, nothing must depend on it. */
export function draftText(options: DraftOptions): ReasoningTask<Draft> {
  const { fallback, maxCharacters = 600, ...about } = options;
  return {
    ...about,
    schema: {
      type: 'object',
      properties: { text: { type: 'string', minLength: 1, maxLength: maxCharacters } },
      required: ['text'],
      additionalProperties: false,
    },
    rules: () => ({ text: fallback }),
  };
}

export interface Choice<O extends string> {
  readonly choice: O;
}

export interface ChoiceOptions<O extends string> extends About {
  /** At least one. What has been ruled out does not belong in here: the model cannot bring it back. */
  readonly options: readonly O[];
  readonly rules: () => O;
}

/** One of several that are all still possible. */
export function chooseOne<O extends string>(options: ChoiceOptions<O>): ReasoningTask<Choice<O>> {
  const { options: open, rules, ...about } = options;
  return {
    ...about,
    schema: {
      type: 'object',
      properties: { choice: { type: 'string', enum: [...open] } },
      required: ['choice'],
      additionalProperties: false,
    },
    rules: () => ({ choice: rules() }),
  };
}
