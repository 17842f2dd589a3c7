import type { Requester } from '@shoal/agent-sdk';
import type { Link, Logger } from '@shoal/mqtt-link';
import { createRegistry } from '@shoal/registry-client';
import { neighbourhoodOf, readDeviceCard } from '../core/neighbours.ts';
import type { Reply } from '../core/judge-answer.ts';
import { concludeSurvey, type Survey } from '../core/survey.ts';
import { CoordinatorError } from '../errors.ts';
import { askStatus } from './ask-status.ts';

export interface SurveyContext {
  readonly link: Link;
  readonly requester: Requester;
  readonly org: string;
  readonly unit: string;
  readonly logger?: Logger;
  /** Rejects with its reason when it aborts. */
  readonly signal?: AbortSignal;
}

export interface SurveyOptions {
  /** After this all who have not answered are silent. Default 10 000. */
  readonly answerWithinMs?: number;
  /** Neighbours that are asked, those that stand by first. Default 32. */
  readonly maxNeighbours?: number;
}

/**
 * Finds the neighbours of a device in the registry and asks each for load and health, all at once and with one deadline. Whoever is
 * silent, asleep or not believed is in the assumptions. Rejects with CoordinatorError `disconnected`.
 */
export async function surveyNeighbours(
  context: SurveyContext,
  deviceId: string,
  { answerWithinMs = 10_000, maxNeighbours = 32 }: SurveyOptions = {},
): Promise<Survey> {
  const { link, requester, org, unit, logger, signal } = context;
  const registry = createRegistry({ link, org, unit, ...(logger === undefined ? {} : { logger }) });
  await registry.start();
  const cards = registry.agents().flatMap(({ address, card, presence }) => {
    const read = readDeviceCard(address.agentId, card, presence.state);
    return read === undefined ? [] : [read];
  });
  await registry.stop();
  const neighbourhood = neighbourhoodOf(cards, deviceId, maxNeighbours);
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(new Error('no answer in time')), answerWithinMs);
  const abort = (): void => deadline.abort(signal?.reason);
  signal?.addEventListener('abort', abort);
  if (signal?.aborted === true) abort();
  try {
    const ask = (who: { readonly agentId?: string | undefined; readonly presence: string }): Promise<Reply> =>
      who.agentId === undefined
        ? Promise.resolve({ kind: 'silent', why: 'no agent watches it' })
        : askStatus(requester, { org, unit, agentId: who.agentId, presence: who.presence }, deadline.signal);
    const [own, ...replies] = await Promise.all([
      ask(neighbourhood.own ?? { presence: 'unregistered' }),
      ...neighbourhood.neighbours.map(ask),
    ]);
    signal?.throwIfAborted();
    // Our own connection was away: that says nothing of the neighbours.
    if (link.state !== 'online')
      throw new CoordinatorError(
        'disconnected',
        'the connection to the broker was lost while the neighbours were asked',
      );
    return concludeSurvey(deviceId, neighbourhood, own, replies);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
  }
}
