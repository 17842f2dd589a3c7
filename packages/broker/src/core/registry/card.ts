import { USER_PROPERTIES } from '@shoal/protocol';

import { Property } from '../codec/properties.ts';
import { userProperty } from '../codec/encode.ts';

export type Status = 'online' | 'offline';

/** What the registry knows about a card message besides its bytes. */
export interface Card {
  /** Client id of the publisher. */
  readonly owner: string;
  /** The agent said goodbye itself: it stays offline, whatever its connection does, until it publishes again. */
  readonly withdrawn: boolean;
  /** The publisher's properties without `a2a-status` and `a2a-status-source`. */
  readonly otherProperties: Buffer;
  /** The status that live subscribers were last told. */
  announced: Status | undefined;
}

const TEXT_PROPERTIES = [
  Property.contentType,
  Property.responseTopic,
  Property.correlationData,
] as readonly number[];

interface UserPropertyPlace {
  readonly name: string;
  readonly value: string;
  readonly start: number;
  readonly end: number;
}

/** User properties in encoded forwardable properties, with the place of each. The bytes were checked when they arrived. */
export function userPropertiesOf(properties: Buffer): UserPropertyPlace[] {
  const found: UserPropertyPlace[] = [];
  let at = 0;
  const text = (): string => {
    const length = properties.readUInt16BE(at);
    at += 2 + length;
    return properties.toString('utf8', at - length, at);
  };
  while (at < properties.length) {
    const start = at;
    const id = properties[at++] as number;
    if (id === Property.user) {
      const name = text();
      const value = text();
      found.push({ name, value, start, end: at });
    } else if (TEXT_PROPERTIES.includes(id)) text();
    else at += 1;
  }
  return found;
}

const { status: STATUS, statusSource: SOURCE } = USER_PROPERTIES;

/** Reads what the publisher says about its own status. */
export function readCard(owner: string, properties: Buffer): Card {
  const places = userPropertiesOf(properties);
  const status = places.find((place) => place.name === STATUS)?.value;
  const source = places.find((place) => place.name === SOURCE)?.value;
  const kept: Buffer[] = [];
  let from = 0;
  for (const place of places) {
    if (place.name !== STATUS && place.name !== SOURCE) continue;
    kept.push(properties.subarray(from, place.start));
    from = place.end;
  }
  kept.push(properties.subarray(from));
  return {
    owner,
    withdrawn: status === 'offline' && source === 'agent',
    otherProperties: Buffer.concat(kept),
    announced: undefined,
  };
}

const prefixes = new Map<string, Buffer>();

function prefixOf(status: Status, source: string | undefined): Buffer {
  const key = `${status} ${source ?? ''}`;
  let prefix = prefixes.get(key);
  if (prefix === undefined) {
    prefix = userProperty(STATUS, status);
    if (source !== undefined) prefix = Buffer.concat([prefix, userProperty(SOURCE, source)]);
    prefixes.set(key, prefix);
  }
  return prefix;
}

/** Status first, then what the publisher sent, as EMQX does. */
export function cardProperties(rest: Buffer, status: Status, source: string | undefined): Buffer {
  return Buffer.concat([prefixOf(status, source), rest]);
}
