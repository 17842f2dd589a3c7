import { parseJson } from '@shoal/protocol';

import type { Context } from '../context.ts';
import { isExpired, type Message } from '../message.ts';
import type { Status } from './card.ts';
import type { NamespacedAddress } from './discovery-topic.ts';

export interface RegisteredCard extends NamespacedAddress {
  /** Client id that published it. */
  readonly id: string;
  readonly status: Status;
  /** The card as it was published. */
  readonly raw: string;
  /** Undefined when it is not a JSON object: what was retained before the registry was switched on was never checked. */
  readonly card: Readonly<Record<string, unknown>> | undefined;
}

/** What is unset matches every card; what is set must all fit. */
export interface CardQuery {
  readonly org?: string;
  readonly unit?: string;
  readonly agentId?: string;
  /** null: only cards outside of any namespace. Unset: all. */
  readonly namespace?: string | null;
  readonly status?: Status;
  /** Id of a skill. */
  readonly skill?: string;
  /** Tag of a skill, in any case. */
  readonly tag?: string;
  /** Words that all occur in name, description, or the names, descriptions, tags or examples of skills, in any case. */
  readonly text?: string;
}

interface Parsed {
  readonly raw: string;
  readonly card: RegisteredCard['card'];
}

const parsed = new WeakMap<Message, Parsed>();

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function parse(message: Message): Parsed {
  let known = parsed.get(message);
  if (known === undefined) {
    const result = parseJson(message.payload);
    const card = result.ok && isObject(result.value) ? result.value : undefined;
    parsed.set(message, (known = { raw: message.payload.toString(), card }));
  }
  return known;
}

const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const words = (value: unknown): readonly string[] => list(value).filter((item) => typeof item === 'string');
const skillsOf = (card: RegisteredCard['card']): readonly Record<string, unknown>[] =>
  list(card?.['skills']).filter(isObject);

function textOf(card: RegisteredCard['card']): string {
  const parts = [card?.['name'], card?.['description']];
  for (const skill of skillsOf(card)) {
    parts.push(skill['id'], skill['name'], skill['description']);
    parts.push(...words(skill['tags']), ...words(skill['examples']));
  }
  return parts
    .filter((part) => typeof part === 'string')
    .join('\n')
    .toLowerCase();
}

function fitsContent(card: RegisteredCard['card'], { skill, tag, text }: CardQuery): boolean {
  if (skill !== undefined && !skillsOf(card).some(({ id }) => id === skill)) return false;
  if (tag !== undefined) {
    const wanted = tag.toLowerCase();
    const has = skillsOf(card).some(({ tags }) => words(tags).some((own) => own.toLowerCase() === wanted));
    if (!has) return false;
  }
  if (text === undefined) return true;
  const all = textOf(card);
  return text
    .toLowerCase()
    .split(/\s+/)
    .every((word) => all.includes(word));
}

function fitsAddress(address: NamespacedAddress, query: CardQuery): boolean {
  if (query.org !== undefined && query.org !== address.org) return false;
  if (query.unit !== undefined && query.unit !== address.unit) return false;
  if (query.agentId !== undefined && query.agentId !== address.agentId) return false;
  return query.namespace === undefined || query.namespace === (address.namespace ?? null);
}

function* candidates(cx: Context, query: CardQuery): Iterable<Message> {
  const { org = '+', unit = '+', agentId = '+', namespace } = query;
  const filter = `$a2a/v1/discovery/${org}/${unit}/${agentId}`;
  if (namespace === undefined || namespace === null) yield* cx.retained.match(filter);
  if (namespace !== null && cx.registry?.profile.knowsNamespaces === true)
    yield* cx.retained.match(`${namespace ?? '+'}/${filter}`);
}

/** The cards that fit, in the order of the tree. Values with wildcards or slashes match nothing. */
export function findCards(cx: Context, query: CardQuery): RegisteredCard[] {
  const { registry } = cx;
  const found: RegisteredCard[] = [];
  if (registry === undefined) return found;
  for (const value of [query.org, query.unit, query.agentId, query.namespace]) {
    if (value !== undefined && value !== null && /[/+#]/.test(value)) return found;
  }
  for (const message of candidates(cx, query)) {
    const address = registry.parseTopic(message.topic);
    if (address === undefined || isExpired(message, cx.now) || !fitsAddress(address, query)) continue;
    const { raw, card } = parse(message);
    const status = registry.status(message) ?? 'offline';
    if (query.status !== undefined && query.status !== status) continue;
    if (fitsContent(card, query)) found.push({ ...address, id: message.publisher, status, raw, card });
  }
  return found;
}
