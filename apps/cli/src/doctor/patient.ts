import { randomUUID } from 'node:crypto';
import { openLink, type InboundMessage, type Link, type LinkOptions } from '@shoal/mqtt-link';
import { agentTopics, eventTopic, type AgentAddress } from '@shoal/protocol';
import type { Credentials } from '../connection/connect.ts';
import type { Check } from '../shapes/doctor.ts';

/** The broker that is looked at, and how to reach it. */
export interface Patient {
  readonly credentials: Credentials;
  readonly org: string;
  readonly unit: string;
  readonly timeoutMs: number;
  /** The connection that most checks use. */
  readonly link: Link;
  /** A topic of our own that nobody else uses, below what every role may publish and subscribe. */
  topic(name: string): string;
  /** One of the same below `$a2a`. */
  readonly dollarTopic: string;
  /** A further connection with an identity of its own; closed at the end. */
  open(options?: Partial<LinkOptions>): Promise<Link>;
  /** Removed from the broker at the end. */
  leaves(topic: string): void;
}

export interface PatientInit {
  readonly credentials: Credentials;
  readonly org: string;
  readonly unit: string;
  readonly timeoutMs: number;
  readonly clientId?: string | undefined;
  readonly signal: AbortSignal;
}

/** Rejects with LinkError when the broker does not let us in. */
export async function openPatient(
  init: PatientInit,
): Promise<{ patient: Patient; close: () => Promise<void> }> {
  const { credentials, org, unit, timeoutMs, signal } = init;
  const newAddress = (): AgentAddress => ({ org, unit, agentId: `cli-doctor-${randomUUID().slice(0, 8)}` });
  const address = newAddress();
  const base = { ...credentials, reconnect: false as const, connectTimeoutMs: timeoutMs, signal };
  const clientIdOf = ({ agentId }: AgentAddress): string => `${org}/${unit}/${agentId}`;
  const link = await openLink({ ...base, clientId: init.clientId ?? clientIdOf(address) });
  const links: Link[] = [];
  const left = new Set<string>();
  const root = `${agentTopics(address).all.slice(0, -1)}marker`;
  const patient: Patient = {
    credentials,
    org,
    unit,
    timeoutMs,
    link,
    topic: (name) => `${root}/${name}`,
    dollarTopic: eventTopic(address),
    async open(options = {}) {
      const opened = await openLink({ ...base, clientId: clientIdOf(newAddress()), ...options });
      links.push(opened);
      return opened;
    },
    leaves: (topic) => void left.add(topic),
  };
  return {
    patient,
    async close() {
      await Promise.all(
        [...left].map((topic) =>
          link.publish(topic, '', { retain: true, ackTimeoutMs: 2_000 }).catch(() => undefined),
        ),
      );
      await Promise.all(
        [...links, link].map((one) => one.close({ timeoutMs: 1_000 }).catch(() => undefined)),
      );
    },
  };
}

export function check(
  id: string,
  title: string,
  severity: Check['severity'],
  detail: string,
  fix: string | null = null,
): Check {
  return { id, title, severity, detail, fix };
}

/** Collects what arrives on a filter; waiting is bounded. */
export class Listener {
  readonly messages: InboundMessage[] = [];
  #wake: () => void = () => undefined;

  readonly take = (message: InboundMessage): void => {
    this.messages.push(message);
    this.#wake();
  };

  /** The first message for which it holds; undefined when none came in time. */
  async find(
    holds: (message: InboundMessage) => boolean,
    timeoutMs: number,
  ): Promise<InboundMessage | undefined> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const found = this.messages.find(holds);
      const leftMs = deadline - performance.now();
      if (found !== undefined || leftMs <= 0) return found;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, leftMs);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
