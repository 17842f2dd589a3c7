import { dataOf, foldItem, textOf } from '@shoal/agent-sdk';
import { readRetained, type Link } from '@shoal/mqtt-link';
import {
  discoveryFilter,
  parseA2aTopic,
  parseJson,
  readPresence,
  validateAgentCard,
  type AgentAddress,
  type StepUse,
  type Task,
} from '@shoal/protocol';
import { derivedTaskId } from '../core/derived-id.ts';
import { StepError } from '../errors.ts';
import type { Blueprint, Json, StepContext, StepOutput } from '../types/blueprint.ts';

/** The built-in blueprint of steps that use an agent or a skill. */
export const DELEGATE = 'shoal.delegate';

/** What `runWork` hands to this blueprint besides: `use` with its expressions resolved. */
export interface DelegateContext extends StepContext {
  readonly use: StepUse;
}

/**
 * Asks a live agent over A2A, on the fenced connection. Every attempt asks with the same task id, so an agent that has already
 * begun, or finished, is not made to do it twice.
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
  const taskId = derivedTaskId(context.sessionId, context.stepId);
  const { sessionId, stepId, attempt, workflowId, signal, requester } = context;
  const cancel = (): void => void requester.cancelTask(target, { id: taskId }).catch(() => undefined);
  signal.addEventListener('abort', cancel);
  try {
    const stream = requester.stream(
      target,
      {
        taskId,
        messageId: derivedTaskId(sessionId, stepId, 'message'),
        parts: [{ data: context.input }],
        metadata: { sessionId, stepId, attempt, workflowId },
      },
      { signal },
    );
    let task: Task | undefined;
    for await (const item of stream) {
      task = foldItem(task, item);
      const said = item.statusUpdate?.status.message;
      if (said !== undefined) context.progress(textOf(said));
    }
    return outputOf(task, target);
  } finally {
    signal.removeEventListener('abort', cancel);
  }
}

function outputOf(task: Task | undefined, target: AgentAddress): StepOutput {
  const state = task?.status.state;
  const said = task?.status.message === undefined ? '' : textOf(task.status.message);
  if (task === undefined || state !== 'TASK_STATE_COMPLETED')
    throw new StepError(
      `AGENT_${(state ?? 'TASK_STATE_SILENT').replace('TASK_STATE_', '')}`,
      `${target.agentId} ended with ${state ?? 'no task'}: ${said}`,
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

async function targetOf({ use, org, unit, sessionId, link }: DelegateContext): Promise<AgentAddress> {
  if (use.agent !== undefined) return { org, unit, agentId: use.agent };
  const skill = use.skill ?? '';
  const candidates = await agentsWithSkill(link, { org, unit }, skill);
  if (candidates.length === 0)
    throw new StepError('NO_AGENT', `no agent of ${org}/${unit} has skill "${skill}" and is not offline`, {
      retryable: true,
    });
  // The same session picks the same agent while the fleet stays the same; sessions spread over it.
  const index = Number.parseInt(derivedTaskId(sessionId, skill).slice(0, 8), 16) % candidates.length;
  return candidates[index] as AgentAddress;
}

async function agentsWithSkill(
  link: Link,
  where: { org: string; unit: string },
  skill: string,
): Promise<AgentAddress[]> {
  const cards = await readRetained(link, discoveryFilter(where));
  const found: AgentAddress[] = [];
  for (const [topic, message] of cards) {
    const at = parseA2aTopic(topic);
    const json = parseJson(message.payload);
    if (at?.kind !== 'discovery' || !json.ok) continue;
    const card = validateAgentCard(json.value);
    if (!card.ok || !card.value.skills.some(({ id }) => id === skill)) continue;
    if (readPresence(message.userProperties, message.payload.length).status !== 'offline')
      found.push(at.address);
  }
  return found.sort((a, b) => (a.agentId < b.agentId ? -1 : 1));
}
