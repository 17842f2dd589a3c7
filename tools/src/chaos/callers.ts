import { randomUUID } from 'node:crypto';
import { createRequester, type Requester } from '@shoal/agent-sdk';
import { openLink, type Link } from '@shoal/mqtt-link';
import type { Task } from '@shoal/protocol';
import type { Scenario } from '../shapes/scenarios.ts';
import { ORG, UNIT } from './run.ts';

export interface Asked {
  readonly scenario: Scenario;
  readonly sessionId: string;
  /** What the caller was told at the end; undefined while it waits, and for good when the session was lost. */
  task?: Task;
}

/** Asks for sessions as a device agent does: with the same ids, again and again, until it is told an end. */
export class Caller {
  readonly #link: Link;
  readonly #requester: Requester;
  readonly asked: Asked[] = [];

  private constructor(link: Link, requester: Requester) {
    this.#link = link;
    this.#requester = requester;
  }

  static async open(url: string): Promise<Caller> {
    const agentId = `caller-${randomUUID().slice(0, 8)}`;
    const address = { org: ORG, unit: UNIT, agentId };
    const link = await openLink({ url, clientId: `${ORG}/${UNIT}/${agentId}`, keepAliveSeconds: 3 });
    return new Caller(link, createRequester({ link, address }));
  }

  /** Resolves when the end is known, or the signal aborts. */
  async ask(scenario: Scenario, giveUp: AbortSignal): Promise<Asked> {
    const asked: Asked = { scenario, sessionId: randomUUID() };
    this.asked.push(asked);
    const target = { org: ORG, unit: UNIT, agentId: scenario.id };
    const { sessionId } = asked;
    if (scenario.cancelAfterMs !== undefined)
      setTimeout(
        () => void this.#requester.cancelTask(target, { id: sessionId }).catch(() => undefined),
        scenario.cancelAfterMs * 10,
      );
    const ids = { taskId: sessionId, contextId: `${sessionId}-c` };
    const request = { data: {}, messageId: `${sessionId}-m`, ...ids };
    const yes = { text: 'approve', messageId: `${sessionId}-yes`, ...ids };
    let approves = false;
    while (!giveUp.aborted) {
      const options = { firstReplyTimeoutMs: 5_000, signal: giveUp };
      try {
        const answer = await this.#requester.send(target, approves ? yes : request, options);
        if (!('status' in answer)) continue;
        approves = answer.status.state === 'TASK_STATE_INPUT_REQUIRED' && !approves;
        if (answer.status.state === 'TASK_STATE_INPUT_REQUIRED') continue;
        asked.task = answer;
        break;
      } catch {
        // Nobody there, or no answer: what it is told in the end is what counts.
        approves = false;
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
    }
    return asked;
  }

  async close(): Promise<void> {
    await this.#requester.close();
    await this.#link.close();
  }
}
