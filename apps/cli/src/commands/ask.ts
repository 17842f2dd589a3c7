import { isTaskId } from '@shoal/protocol';
import { ask as send, messageFrom, targetName, targetOf } from '../connection/ask.ts';
import { usageError } from '../errors.ts';
import { implement } from '../program/leaf.ts';
import type { Answer } from '../shapes/ask.ts';

interface AskFlags {
  readonly context?: string;
  readonly task?: string;
  readonly data?: string;
  readonly stream?: boolean;
}

export const ask = implement<Answer>({
  async run(context, [agent = '', ...words], given) {
    const flags = given as AskFlags;
    if (flags.task !== undefined && !isTaskId(flags.task))
      throw usageError(`--task takes a UUID of version 4, not ${JSON.stringify(flags.task)}`);
    const message = await messageFrom(context, words, flags.data);
    const link = await context.connect({ stays: true });
    const target = await targetOf(context, link, agent);
    const input = {
      ...message,
      ...(flags.context === undefined ? {} : { contextId: flags.context }),
      ...(flags.task === undefined ? {} : { taskId: flags.task }),
    };
    const { timeoutMs } = context.settings;
    const asked = await send(context, link, target, input, { stream: flags.stream !== false, timeoutMs });
    const { task, message: last } = asked;
    const contextId = task?.contextId ?? last?.contextId ?? flags.context ?? null;
    const answer: Answer = {
      agent: targetName(target),
      taskId: task?.id ?? last?.taskId ?? null,
      contextId,
      state: task?.status.state ?? null,
      text: asked.text,
      artifacts: [...(task?.artifacts ?? [])],
      message: last ?? null,
    };
    if (context.format === 'text') {
      if (answer.state === 'TASK_STATE_INPUT_REQUIRED')
        context.note(`the agent asks for more: shoal ask ${agent} --task ${answer.taskId ?? ''} "…"`);
      else if (contextId !== null) context.note(`go on with: shoal ask ${agent} --context ${contextId} "…"`);
    }
    return answer;
  },
  text: () => '',
  outcome: ({ state }) => (/FAILED|REJECTED|CANCELED/.test(state ?? '') ? 'failed' : 'ok'),
});
