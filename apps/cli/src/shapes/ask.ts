import { Type, type Static } from 'typebox';
import { json, orNull, text } from './parts.ts';

export const Answer = Type.Object({
  agent: text,
  taskId: orNull(text),
  contextId: orNull(text),
  /** `TASK_STATE_…`; null when the agent answered with a message and made no task of it. */
  state: orNull(text),
  /** All text of the answer, a part a line. */
  text,
  /** The A2A artifacts. */
  artifacts: Type.Array(json),
  /** The A2A message of the last status, or the answer itself. */
  message: json,
});
export type Answer = Static<typeof Answer>;
