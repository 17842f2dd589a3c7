import type { Link } from '@shoal/mqtt-link';
import { parseJson, parseShoalTopic, treeFilter } from '@shoal/protocol';
import type { Instance } from './processes.ts';
import { ORG, UNIT } from './run.ts';

/** How long it takes from the death of an instance until another attempt of its step works, or its session needs it no more. */
export class Recoveries {
  readonly #deaths = new Map<string, { readonly attempt: number; readonly atMs: number }>();
  readonly milliseconds: number[] = [];

  async watch(link: Link): Promise<void> {
    await link.subscribe(treeFilter('session', { org: ORG, unit: UNIT }), ({ topic, payload }) => {
      const at = parseShoalTopic(topic);
      if (at?.kind !== 'status' || payload.length === 0) return;
      const json = parseJson(payload);
      if (!json.ok) return;
      const { state, attempt } = json.value as { state: string; attempt: number };
      if (state === 'running' || state === 'waiting' || state === 'done')
        this.#onWork(`${at.sessionId}/${at.stepId}`, attempt);
    });
  }

  onDeath({ sessionId, stepId, attempt }: Instance): void {
    if (sessionId === undefined) return;
    this.#deaths.set(`${sessionId}/${stepId}`, { attempt, atMs: performance.now() });
  }

  #onWork(step: string, attempt: number): void {
    const death = this.#deaths.get(step);
    if (death === undefined || attempt <= death.attempt) return;
    this.#deaths.delete(step);
    this.milliseconds.push(performance.now() - death.atMs);
  }
}
