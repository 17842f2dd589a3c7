import { createAgent, createRequester } from '@shoal/agent-sdk';
import type { Link } from '@shoal/mqtt-link';
import { agentTopics, parseClientId } from '@shoal/protocol';
import { randomUUID } from 'node:crypto';
import { positive } from '../connection/collect.ts';
import { credentialsOf } from '../connection/connect.ts';
import { usageError } from '../errors.ts';
import { formatTable } from '../output/table.ts';
import type { Context } from '../program/context.ts';
import { implement } from '../program/leaf.ts';
import type { Bench } from '../shapes/projects.ts';

type Row = Bench['rows'][number];

const MAX_SAMPLES = 100_000;
/** Publishes under way at once when the rate is measured. */
const WINDOW = 100;

export const bench = implement<Bench>({
  async run(context, _args, given) {
    const flags = given as { seconds?: string; payload?: string };
    const seconds = positive('--seconds', flags.seconds) ?? 3;
    const payloadBytes = positive('--payload', flags.payload) ?? 500;
    if (!Number.isInteger(payloadBytes) || payloadBytes > 1_000_000)
      throw usageError('--payload takes whole bytes up to 1000000');
    const { org = 'shoal-bench', unit = 'shoal-bench', url } = context.settings;
    const clientId = `${org}/${unit}/cli-bench-${randomUUID().slice(0, 8)}`;
    const link = await context.connect({ clientId });
    const address = parseClientId(clientId) ?? { org, unit, agentId: 'cli-bench' };
    const topic = `${agentTopics(address).all.slice(0, -1)}marker/bench`;
    const payload = Buffer.alloc(payloadBytes, 120);
    const rows = [
      await context.waiting('measuring acknowledgements', acknowledgements(link, topic, payload, seconds)),
      await context.waiting('measuring the rate', rate(link, topic, payload, seconds)),
      await context.waiting('measuring requests', requests(context, link, org, unit, seconds)),
    ];
    return { broker: url, payloadBytes, seconds, rows };
  },
  text: ({ rows }, style) =>
    formatTable(
      rows,
      [
        { title: 'MEASURED', value: ({ name }) => name },
        { title: 'VALUE', value: ({ value, unit }) => `${shown(value)} ${unit}`, right: true },
        {
          title: 'P99',
          value: ({ p99, unit }) => (p99 === null ? '' : `${shown(p99)} ${unit}`),
          right: true,
        },
        { title: 'SAMPLES', value: ({ samples }) => String(samples), right: true },
      ],
      style,
    ),
});

/** One message after the other, until the broker has it. */
async function acknowledgements(link: Link, topic: string, payload: Buffer, seconds: number): Promise<Row> {
  return latencies('QoS 1 acknowledged, one at a time', seconds, () =>
    link.publish(topic, payload).then(() => undefined),
  );
}

/** Many at once to a subscriber on the same connection: what came back in time. */
async function rate(link: Link, topic: string, payload: Buffer, seconds: number): Promise<Row> {
  let received = 0;
  const subscription = await link.subscribe(topic, () => void (received += 1));
  const startedAt = performance.now();
  const until = startedAt + seconds * 1000;
  const send = async (): Promise<void> => {
    while (performance.now() < until) await link.publish(topic, payload);
  };
  await Promise.all(Array.from({ length: WINDOW }, send));
  const value = received / ((performance.now() - startedAt) / 1000);
  await subscription.close();
  return {
    name: `QoS 1 through the broker and back, ${WINDOW} at a time`,
    unit: 'messages/s',
    value,
    p99: null,
    samples: received,
  };
}

/** A2A requests to an agent that this command runs for the time. */
async function requests(
  context: Context,
  link: Link,
  org: string,
  unit: string,
  seconds: number,
): Promise<Row> {
  const agentId = `cli-bench-echo-${randomUUID().slice(0, 8)}`;
  const { url, username, password, tls } = await credentialsOf(context.io, context.settings);
  const agent = createAgent({
    url,
    org,
    unit,
    agentId,
    card: {
      name: 'Bench',
      description: 'Answers at once, while a benchmark runs.',
      version: '1.0.0',
      skills: [{ id: 'echo', name: 'Echo', description: 'Says what it is told.', tags: ['bench'] }],
    },
    handle: (task) => task.text,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(tls === undefined ? {} : { linkOptions: { tls } }),
  });
  await agent.start();
  context.atEnd(() => agent.stop({ unregister: true }));
  const requester = createRequester({
    link,
    address: parseClientId(link.clientId) ?? { org, unit, agentId: 'cli-bench' },
  });
  context.atEnd(() => requester.close());
  return latencies('A2A SendMessage, answered', seconds, () =>
    requester.send({ org, unit, agentId }, 'x').then(() => undefined),
  );
}

async function latencies(name: string, seconds: number, act: () => Promise<void>): Promise<Row> {
  const samples: number[] = [];
  const until = performance.now() + seconds * 1000;
  while (performance.now() < until && samples.length < MAX_SAMPLES) {
    const startedAt = performance.now();
    await act();
    samples.push(performance.now() - startedAt);
  }
  const sorted = samples.toSorted((a, b) => a - b);
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  return { name, unit: 'ms', value: at(0.5), p99: at(0.99), samples: samples.length };
}

function shown(value: number): string {
  return value >= 100 ? String(Math.round(value)) : value.toFixed(2);
}
