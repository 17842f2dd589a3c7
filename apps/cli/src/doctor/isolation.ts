import { randomUUID } from 'node:crypto';
import { isLinkError, type Link } from '@shoal/mqtt-link';
import {
  agentTopics,
  deviceTopics,
  discoveryTopic,
  eventTopic,
  replyTopic,
  requestTopic,
  sessionTopics,
} from '@shoal/protocol';
import type { Check } from '../shapes/doctor.ts';
import { check, Listener } from './patient.ts';

/** One side of the proof: a connection, and the unit that it belongs to. */
export interface Side {
  readonly link: Link;
  readonly org: string;
  readonly unit: string;
  /** A further connection of the same credential. Its owner closes it. */
  open(): Promise<Link>;
}

/** How long what must not come is waited for, behind a message that came. */
const QUIET_MS = 400;

/** Wide filters that a careless rule lets through. */
const WIDE = [
  '#',
  '+/#',
  '$a2a/#',
  '$a2a/v1/+/+/+/#',
  'shoal/#',
  'shoal/v1/+/+/#',
  '$mcp-server/#',
  '$mcp-rpc/#',
];

/**
 * Proves with two credentials that neither reads or writes anything of the other's unit. Each tries every tree with the owner listening,
 * and wide filters while the owner speaks. A refusal and silence both count; only a message that crosses fails.
 */
export async function isolation(one: Side, other: Side, timeoutMs: number): Promise<Check[]> {
  const title = 'units are isolated';
  if (one.org === other.org && one.unit === other.unit)
    return [
      check(
        'isolation',
        title,
        'skip',
        'both credentials belong to one unit',
        'name the unit of the other one with --other-org and --other-unit',
      ),
    ];
  const crossed = [
    ...(await reads(one, other, timeoutMs)),
    ...(await reads(other, one, timeoutMs)),
    ...(await writes(one, other, timeoutMs)),
    ...(await writes(other, one, timeoutMs)),
  ];
  const names = `${one.org}/${one.unit} and ${other.org}/${other.unit}`;
  if (crossed.length === 0)
    return [check('isolation', title, 'ok', `nothing crosses between ${names}, in either direction`)];
  return [
    check(
      'isolation',
      title,
      'error',
      crossed.slice(0, 8).join('; ') + (crossed.length > 8 ? `; and ${crossed.length - 8} more` : ''),
      'load the rules that `shoal acl` writes, and give each unit credentials of its own',
    ),
  ];
}

/** Topics of a unit, one of each tree. */
function topicsOf({ org, unit }: Side, name: string): readonly string[] {
  const address = { org, unit, agentId: name };
  const session = sessionTopics({ org, unit, sessionId: name });
  return [
    discoveryTopic(address),
    requestTopic(address),
    replyTopic(address, name),
    eventTopic(address),
    session.session,
    session.control,
    session.outcome,
    session.step('step').result,
    agentTopics(address).desired,
    agentTopics(address).state,
    `${agentTopics(address).all.slice(0, -1)}marker/0`,
    deviceTopics({ org, unit, deviceId: name }).telemetry,
    `$mcp-server/${org}.${unit}.${name}/shoal/${org}/${unit}/${name}`,
    `$mcp-server/presence/${org}.${unit}.${name}/shoal/${org}/${unit}/${name}`,
    `$mcp-rpc/${name}/${org}.${unit}.${name}/shoal/${org}/${unit}/${name}`,
  ];
}

/** What the stranger hears of the owner's unit. */
async function reads(owner: Side, stranger: Side, timeoutMs: number): Promise<readonly string[]> {
  const name = `probe-${randomUUID().slice(0, 8)}`;
  const heard = new Listener();
  const topics = topicsOf(owner, name);
  const granted: string[] = [];
  for (const filter of [...WIDE, ...topics])
    if (await trySubscribe(stranger.link, filter, heard)) granted.push(filter);
  // The owner hears itself on a topic that every role may use, so that silence elsewhere means something.
  const own = new Listener();
  const marker = topics.find((topic) => topic.endsWith('/marker/0')) ?? '';
  await trySubscribe(owner.link, marker, own);
  await publishAll(owner, topics, name);
  await own.find(() => true, timeoutMs);
  await quiet(heard, name);
  return heard.messages
    .filter(({ topic }) => topics.includes(topic))
    .map(({ topic }) => `${stranger.org}/${stranger.unit} read ${topic}`);
}

/** What the stranger can write into the owner's unit, as its owner would see it. */
async function writes(owner: Side, stranger: Side, timeoutMs: number): Promise<readonly string[]> {
  const name = `probe-${randomUUID().slice(0, 8)}`;
  const heard = new Listener();
  const topics = topicsOf(owner, name);
  for (const topic of topics) await trySubscribe(owner.link, topic, heard);
  await publishAll(stranger, topics, 'foreign');
  await tryPublish(owner.link, topics.find((topic) => topic.endsWith('/marker/0')) ?? '', 'own');
  await heard.find((message) => message.text() === 'own', timeoutMs);
  await quiet(heard, name);
  return heard.messages
    .filter((message) => message.text() === 'foreign')
    .map(({ topic }) => `${stranger.org}/${stranger.unit} wrote ${topic}`);
}

async function trySubscribe(link: Link, filter: string, listener: Listener): Promise<boolean> {
  try {
    await link.subscribe(filter, listener.take);
    return true;
  } catch (error) {
    if (isLinkError(error, 'subscribe-refused')) return false;
    throw error;
  }
}

async function tryPublish(link: Link, topic: string, payload: string): Promise<void> {
  try {
    await link.publish(topic, payload, { messageExpirySeconds: 60 });
  } catch (error) {
    const refused = ['publish-refused', 'connection-lost', 'not-connected'] as const;
    if (!refused.some((code) => isLinkError(error, code))) throw error;
  }
}

/**
 * Publishes what it may. Mosquitto 2.0.11 answers a refused message and then ends the connection, so every message has a live one.
 */
async function publishAll(side: Side, topics: readonly string[], payload: string): Promise<void> {
  let link = await side.open();
  for (const topic of topics) {
    if (link.state !== 'online') link = await side.open();
    await tryPublish(link, topic, payload);
  }
  await link.close();
}

async function quiet(listener: Listener, name: string): Promise<void> {
  await listener.find((message) => message.topic === `never/${name}`, QUIET_MS);
}
