import { Type, type Static } from 'typebox';
import { count, json, orNull, text } from './parts.ts';

const WorkflowFinding = Type.Object({
  file: Type.Optional(text),
  line: count,
  column: count,
  path: text,
  message: text,
});

export const WorkflowsChecked = Type.Object({
  valid: Type.Boolean(),
  files: Type.Array(
    Type.Object({
      file: text,
      valid: Type.Boolean(),
      id: Type.Optional(text),
      steps: Type.Optional(count),
      findings: Type.Array(WorkflowFinding),
    }),
  ),
});
export type WorkflowsChecked = Static<typeof WorkflowsChecked>;

export const WorkflowPlan = Type.Object({ file: text, id: text, graph: text });

export const WorkflowsList = Type.Object({
  workflows: Type.Array(
    Type.Object({
      org: text,
      unit: text,
      workflowId: text,
      name: text,
      version: text,
      description: text,
      presence: text,
      open: count,
      sessions: count,
    }),
  ),
});
export type WorkflowsList = Static<typeof WorkflowsList>;

export const WorkflowRun = Type.Object({
  org: text,
  unit: text,
  workflowId: text,
  sessionId: text,
  /** Of the A2A task; `TASK_STATE_SUBMITTED` with --no-wait. */
  state: text,
  text,
  artifacts: Type.Array(json),
  error: orNull(text),
});
export type WorkflowRun = Static<typeof WorkflowRun>;
