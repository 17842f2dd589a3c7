import type { AgentAddress } from '@shoal/protocol';
import { requestTopic } from '@shoal/protocol';
import { ConformanceError } from '../core/conformance-error.ts';
import type { ResponderVariant } from '../core/manifest.ts';
import { topicMatches } from '../core/topic-match.ts';
import type { Client, Observation } from './client.ts';
import { Stage, type StageOptions } from './stage.ts';
import type { Launch, Subject } from './subject.ts';
import { Tap } from './tap.ts';

/** One life of a test agent, behind a tap. */
export interface RunningResponder {
  readonly subject: Subject;
  readonly tap: Tap;
  readonly address: AgentAddress;
}

export interface ResponderStart {
  readonly variant: ResponderVariant;
  /** Default: one that nobody had yet. */
  readonly address?: AgentAddress;
  /** Further placeholders. */
  readonly values?: Readonly<Record<string, string>>;
}

/** How long a test agent may take until it listens, in multiples of the usual wait. */
const START_FACTOR = 4;

export async function startResponder(
  stage: Stage,
  launch: Launch,
  start: ResponderStart,
): Promise<RunningResponder> {
  const address = start.address ?? stage.address('agent');
  const { url, ca } = stage.options;
  const tap = await Tap.open(url, 'subject', ca);
  const { hostname: host, port } = new URL(tap.url);
  const subject = launch({
    url: tap.url,
    host,
    port,
    ...address,
    variant: start.variant,
    pool: '',
    issuer: '',
    audience: '',
    jwks: '',
    ...start.values,
  });
  try {
    await Promise.race([listening(tap, address, stage.options.timeoutMs * START_FACTOR), failure(subject)]);
  } catch (error) {
    subject.kill();
    await tap.close();
    const { stdout, stderr } = subject.output();
    throw new ConformanceError(
      'subject-not-ready',
      `${(error as Error).message}\n${(stderr + stdout).slice(-2_000)}`.trim(),
      { cause: error },
    );
  }
  return { subject, tap, address };
}

/** It listens once the broker has granted a subscription that covers its request topic. */
async function listening(tap: Tap, address: AgentAddress, timeoutMs: number): Promise<void> {
  const topic = requestTopic(address);
  const asked = await tap.until(
    `subscription of the test agent to ${topic}`,
    ({ from, packet }) =>
      from === 'subject' &&
      packet.cmd === 'subscribe' &&
      packet.subscriptions.some((subscription) => topicMatches(subscription.topic, topic)),
    timeoutMs,
  );
  await tap.until(
    `SUBACK for ${topic}`,
    ({ from, packet }) =>
      from === 'broker' && packet.cmd === 'suback' && packet.messageId === asked.packet.messageId,
    timeoutMs,
  );
}

async function failure(subject: Subject): Promise<never> {
  throw new Error(`the test agent ${await subject.exited} before it listened`);
}

export class ResponderStage extends Stage {
  readonly running: RunningResponder;
  /** All replies of the run so far, those of other scenarios included. */
  readonly observations: Observation[];
  readonly #launch: Launch;

  constructor(
    options: StageOptions,
    count: () => number,
    running: RunningResponder,
    launch: Launch,
    observations: Observation[],
  ) {
    super(options, count);
    this.running = running;
    this.#launch = launch;
    this.observations = observations;
    running.tap.trace(this.trace);
    this.onEnd(() => running.tap.untrace(this.trace));
  }

  get target(): AgentAddress {
    return this.running.address;
  }

  /** A requester whose replies are kept for the scenarios that look at all of them. */
  requester(): Promise<Client> {
    return this.client((observation) => this.observations.push(observation));
  }

  /** Another life of the test agent: ended after the scenario. */
  async another(start: ResponderStart): Promise<RunningResponder> {
    const running = await startResponder(this, this.#launch, start);
    running.tap.trace(this.trace);
    this.onEnd(async () => {
      running.subject.kill();
      await running.subject.exited;
      await running.tap.close();
    });
    return running;
  }
}
