import { randomUUID } from 'node:crypto';
import { isTaskId } from '@shoal/protocol';
import { ask, messageFrom, parseData } from '../../connection/ask.ts';
import { resolveAgent } from '../../connection/registry.ts';
import { usageError } from '../../errors.ts';
import { implement } from '../../program/leaf.ts';
import type { WorkflowRun } from '../../shapes/workflows.ts';

interface RunFlags {
  readonly input?: string;
  readonly var?: readonly string[];
  readonly sessionId?: string;
  readonly wait?: boolean;
}

export const runWorkflow = implement<WorkflowRun>({
  async run(context, [workflow = '', ...words], given) {
    const { input, var: variables = [], sessionId = randomUUID(), wait } = given as RunFlags;
    if (!isTaskId(sessionId))
      throw usageError(`--session-id takes a UUID of version 4, not ${JSON.stringify(sessionId)}`);
    const data = inputOf(input, variables);
    const message =
      data === undefined && words.length === 0
        ? { text: `run ${workflow}` }
        : await messageFrom(context, words, data === undefined ? undefined : JSON.stringify(data));
    const link = await context.connect({ stays: wait !== false });
    const target = await resolveAgent(context, link, workflow);
    if (context.format === 'text') context.note(`session ${sessionId}`);
    const { timeoutMs } = context.settings;
    const asked = await ask(
      context,
      link,
      target,
      { ...message, taskId: sessionId },
      {
        stream: wait !== false,
        returnImmediately: wait === false,
        timeoutMs,
      },
    );
    const { task } = asked;
    const state = task?.status.state ?? 'TASK_STATE_UNSPECIFIED';
    return {
      org: target.org,
      unit: target.unit,
      workflowId: target.agentId,
      sessionId,
      state,
      text: asked.text,
      artifacts: [...(task?.artifacts ?? [])],
      error: /FAILED|REJECTED|CANCELED/.test(state) ? asked.text : null,
    };
  },
  text: ({ sessionId, state }) =>
    `session ${sessionId}: ${state.replace('TASK_STATE_', '').toLowerCase().replaceAll('_', '-')}\n`,
  outcome: ({ error }) => (error === null ? 'ok' : 'failed'),
});

/** `--input` as a whole, `--var name=value` on top; a value that is JSON counts as JSON, any other as text. */
function inputOf(
  input: string | undefined,
  variables: readonly string[],
): Record<string, unknown> | undefined {
  if (input === undefined && variables.length === 0) return undefined;
  const base = input === undefined ? {} : parseData('--input', input);
  if (typeof base !== 'object' || base === null || Array.isArray(base))
    throw usageError('--input takes a JSON object: the variables by name');
  const pairs = variables.map((text) => {
    const at = text.indexOf('=');
    if (at < 1) throw usageError(`--var takes name=value, not "${text}"`);
    return [text.slice(0, at), valueOf(text.slice(at + 1))] as const;
  });
  return { ...base, ...Object.fromEntries(pairs) };
}

function valueOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
