import { isLinkError } from '@shoal/mqtt-link';
import { sessionTopics, type StepResult, type StepResultState } from '@shoal/protocol';
import { isoTime } from '../core/time.ts';
import type { Attempt } from './attempt.ts';
import type { SettledOutput } from './run-work.ts';

type Content = Pick<StepResult, 'output' | 'outputRef' | 'artifacts' | 'summary' | 'error'> & {
  readonly startedAtMs?: number | undefined;
};

/** The one end of the step; resolves on its PUBACK. The callers hear of it. */
export async function writeResult(
  { order, active, voice, now, standIn, flags }: Attempt,
  state: StepResultState,
  content: Content,
): Promise<undefined> {
  const { startedAtMs, output, outputRef, artifacts, summary, error } = content;
  // Not begun with a spread: one is made for every step (docs/decisions/0054).
  const result: StepResult = Object.assign(voice.ids(), {
    claimId: order.claimId,
    state,
    at: isoTime(now()),
  });
  if (output !== undefined) result.output = output;
  if (outputRef !== undefined) result.outputRef = outputRef;
  if (artifacts !== undefined) result.artifacts = artifacts;
  if (summary !== undefined) result.summary = summary;
  if (error !== undefined) result.error = error;
  if (startedAtMs !== undefined) result.startedAt = isoTime(startedAtMs);
  if (flags.size > 0) result.flags = [...flags];
  if (standIn !== undefined) result.supervisorId = standIn.supervisorId;
  await voice.put(sessionTopics(order).step(order.stepId).result, result);
  voice.progress(state, content.summary ?? content.error?.message ?? `step ${active.planned.id} ${state}`);
  return undefined;
}

/** A result that the broker does not take, for its size say, is a failure of the step and not of the attempt. */
export async function writeOutput(
  attempt: Attempt,
  { output, outputRef, artifacts, summary }: SettledOutput,
  startedAtMs?: number,
): Promise<undefined> {
  try {
    return await writeResult(attempt, 'completed', {
      output,
      ...(outputRef === undefined ? {} : { outputRef }),
      ...(artifacts === undefined ? {} : { artifacts: [...artifacts] }),
      ...(summary === undefined ? {} : { summary: summary.slice(0, 4000) }),
      startedAtMs,
    });
  } catch (error) {
    if (!isLinkError(error, 'publish-refused')) throw error;
    const message = `the broker refused the result: ${error.message}`;
    return writeResult(attempt, 'failed', { error: { code: 'RESULT_REFUSED', message }, startedAtMs });
  }
}
