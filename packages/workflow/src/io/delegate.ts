import { dataOf, foldItem, isA2aError, textOf } from '@shoal/agent-sdk';
import {
  parseJson,
  sessionTopics,
  validateSessionOutcome,
  type AgentAddress,
  type Part,
  type PoolAddress,
  type StepUse,
  type Task,
} from '@shoal/protocol';
import { derivedTaskId } from '../core/derived-id.ts';
import { selectMembers } from '../core/select.ts';
import { StepError } from '../errors.ts';
import type { Blueprint, Json, StepContext, StepOutput } from '../types/blueprint.ts';
import { readFleet } from './read-fleet.ts';

type Target = AgentAddress | PoolAddress;

/** The built-in blueprint of steps that ask somebody else: an agent, a skill, a pool, a workflow. */
export const DELEGATE = 'shoal.delegate';

/** What `runWork` hands to this blueprint besides: `use` with its expressions resolved. */
export interface DelegateContext extends StepContext {
  readonly use: StepUse;
}

/**
 * Asks a live agent over A2A, on the fenced connection. Every attempt asks with the same task id, so an agent that has already
 * begun, or finished, is not made to do it twice. Only of a task that died with its agent is another one started, by the next
 * attempt of a step that may act twice.
 */
export function delegate(use: StepUse): Blueprint {
  return {
    id: DELEGATE,
    description: 'Asks a live agent and passes its answer on.',
    run: (context) => ask({ ...context, use: (context as Partial<DelegateContext>).use ?? use }),
  };
}

async function ask(context: DelegateContext): Promise<StepOutput> {
  const target = await targetOf(context);
  const { sessionId, stepId, attempt } = context;
  for (let died = 0; ; died += 1) {
    const taskId = derivedTaskId(sessionId, stepId, ...(died === 0 ? [] : [`again-${died}`]));
    const task = await askOnce(context, target, taskId);
    // What earlier attempts saw die is passed over.
    if (!diedWithItsAgent(task) || died + 1 >= attempt) return outputOf(task, target);
  }
}

async function askOnce(context: DelegateContext, target: Target, taskId: string): Promise<Task | undefined> {
  const { signal, requester, use } = context;
  const cancel = (): void => void requester.cancelTask(target, { id: taskId }).catch(() => undefined);
  signal.addEventListener('abort', cancel);
  try {
    const task = await follow(context, target, taskId);
    const waits = use.workflow !== undefined && task?.status.state === 'TASK_STATE_INPUT_REQUIRED';
    // The stream of a task that asks a person for input has ended. Its end is a record like any other session's.
    return waits ? await outcomeOf(context, taskId) : task;
  } catch (error) {
    if (!isA2aError(error) || error.family === 'local') throw error;
    throw new StepError('AGENT_REFUSED', `${nameOf(target)}: ${error.message}`, {
      retryable: error.retryable,
      cause: error,
    });
  } finally {
    signal.removeEventListener('abort', cancel);
  }
}

async function follow(context: DelegateContext, target: Target, taskId: string): Promise<Task | undefined> {
  const { sessionId, stepId, attempt, workflowId, signal, requester, use } = context;
  const stream = requester.stream(
    target,
    {
      taskId,
      messageId: derivedTaskId(sessionId, stepId, 'message'),
      parts: partsOf(context.input),
      metadata: {
        sessionId,
        stepId,
        attempt,
        workflowId,
        ...(use.workflow === undefined ? {} : { parent: { sessionId, stepId } }),
      },
    },
    { signal },
  );
  let task: Task | undefined;
  for await (const item of stream) {
    task = foldItem(task, item);
    const said = item.statusUpdate?.status.message;
    if (said !== undefined) context.progress(textOf(said));
  }
  return task;
}

/** The input as data; a `text` in it also as text, and first: there are agents that read nothing else. */
function partsOf(input: StepContext['input']): Part[] {
  const text = input['text'];
  return [...(typeof text === 'string' && text !== '' ? [{ text }] : []), { data: input }];
}

/** The final task of a child session, whenever that comes. Rejects when the step is aborted. */
async function outcomeOf({ org, unit, link, signal }: DelegateContext, sessionId: string): Promise<Task> {
  const { outcome } = sessionTopics({ org, unit, sessionId });
  let abort = (): void => undefined;
  let subscription: { close(): Promise<void> } | undefined;
  try {
    return await new Promise<Task>((resolve, reject) => {
      abort = () => reject(signal.reason as Error);
      signal.addEventListener('abort', abort);
      link
        .subscribe(outcome, ({ payload }) => {
          const json = payload.length === 0 ? undefined : parseJson(payload);
          const read = json?.ok === true ? validateSessionOutcome(json.value) : undefined;
          if (read?.ok === true) resolve(read.value.task);
        })
        .then((opened) => (subscription = opened), reject);
    });
  } finally {
    signal.removeEventListener('abort', abort);
    await subscription?.close().catch(() => undefined);
  }
}

function nameOf(target: Target): string {
  return 'poolId' in target ? `pool ${target.poolId}` : target.agentId;
}

function outputOf(task: Task | undefined, target: Target): StepOutput {
  const state = task?.status.state;
  const said = task?.status.message === undefined ? '' : textOf(task.status.message);
  if (task === undefined || state !== 'TASK_STATE_COMPLETED')
    throw new StepError(
      `AGENT_${(state ?? 'TASK_STATE_SILENT').replace('TASK_STATE_', '')}`,
      `${nameOf(target)} ended with ${state ?? 'no task'}: ${said}`,
      { retryable: diedWithItsAgent(task), effectUnknown: endedMidway(task) },
    );
  const artifacts = task.artifacts ?? [];
  const all = {
    messageId: task.id,
    role: 'ROLE_AGENT' as const,
    parts: artifacts.flatMap((artifact) => artifact.parts),
  };
  const data = dataOf(all) as Json | undefined;
  const text = textOf(all);
  return {
    output: data ?? (text === '' ? said : text),
    ...(artifacts.length === 0 ? {} : { artifacts }),
    ...(said === '' ? {} : { summary: said.slice(0, 4000) }),
  };
}

/** Its agent died while it was at work; a successor found the task, and says so. */
function diedWithItsAgent(task: Task | undefined): boolean {
  return task?.status.message?.metadata?.['code'] === 'agent-restarted';
}

/** Nobody says how far it came: no word at all, the word of a successor, or that of an agent that stopped amid the work. */
function endedMidway(task: Task | undefined): boolean {
  return task === undefined || task.status.state === 'TASK_STATE_CANCELED' || diedWithItsAgent(task);
}

async function targetOf({ use, org, unit, sessionId, link }: DelegateContext): Promise<Target> {
  const agentId = use.agent ?? use.workflow;
  if (agentId !== undefined) return { org, unit, agentId };
  if (use.pool !== undefined) return { org, unit, poolId: use.pool };
  const skill = use.skill ?? '';
  const candidates = selectMembers(await readFleet(link, { org, unit }), { skill });
  if (candidates.length === 0)
    throw new StepError('NO_AGENT', `no agent of ${org}/${unit} has skill "${skill}" and is not offline`, {
      retryable: true,
    });
  // The same session picks the same agent while the fleet stays the same; sessions spread over it.
  const index = Number.parseInt(derivedTaskId(sessionId, skill).slice(0, 8), 16) % candidates.length;
  return { org, unit, agentId: candidates[index]?.agentId ?? '' };
}
