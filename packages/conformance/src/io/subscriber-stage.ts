import { Stage, type StageOptions } from './stage.ts';
import type { Launch, Subject } from './subject.ts';
import { Tap } from './tap.ts';
import { parse } from './client.ts';

/** A line of JSON that a subscriber prints whenever what it knows of an agent changed. */
export interface Sighting {
  readonly agentId: string;
  readonly status: string;
  readonly name?: string;
}

export class SubscriberStage extends Stage {
  readonly #launch: Launch;

  constructor(options: StageOptions, count: () => number, launch: Launch) {
    super(options, count);
    this.#launch = launch;
  }

  async subscriber(): Promise<RunningSubscriber> {
    const tap = await Tap.open(this.options.url, 'subject', this.options.ca);
    tap.trace(this.trace);
    const { hostname: host, port } = new URL(tap.url);
    const subject = this.#launch({ url: tap.url, host, port, ...this.address('watcher') });
    this.onEnd(async () => {
      subject.kill();
      await subject.exited;
      await tap.close();
    });
    await tap.until(
      'subscription to discovery topics',
      ({ from, packet }) =>
        from === 'subject' &&
        packet.cmd === 'subscribe' &&
        packet.subscriptions.some(({ topic }) => topic.startsWith('$a2a/v1/discovery/')),
      this.options.timeoutMs * 4,
    );
    return new RunningSubscriber(subject, tap, this.options.timeoutMs);
  }
}

export class RunningSubscriber {
  readonly subject: Subject;
  readonly tap: Tap;
  readonly #timeoutMs: number;

  constructor(subject: Subject, tap: Tap, timeoutMs: number) {
    this.subject = subject;
    this.tap = tap;
    this.#timeoutMs = timeoutMs;
  }

  sightings(agentId: string): Sighting[] {
    return this.subject
      .output()
      .stdout.split('\n')
      .map((line) => parse(line) as Sighting | null | undefined)
      .filter((line): line is Sighting => line?.agentId === agentId);
  }

  /** Waits until the newest that it printed of an agent has this status. Standard output has no event to wait for: it is looked at. */
  async until(agentId: string, matches: (sighting: Sighting) => boolean, what: string): Promise<Sighting> {
    const deadline = performance.now() + this.#timeoutMs;
    for (;;) {
      const newest = this.sightings(agentId).at(-1);
      if (newest !== undefined && matches(newest)) return newest;
      if (this.subject.ended !== undefined) throw new Error(`the subscriber ${this.subject.ended}`);
      if (performance.now() > deadline)
        throw new Error(
          `the subscriber did not print ${what} within ${this.#timeoutMs} ms; newest: ${JSON.stringify(newest)}`,
        );
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
