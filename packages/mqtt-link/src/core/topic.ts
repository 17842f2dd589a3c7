import { Buffer } from './bytes.ts';
import { LinkError } from './link-error.ts';

const HASH = 0x23;
const DOLLAR = 0x24;
const PLUS = 0x2b;
const SLASH = 0x2f;
const MAX_BYTES = 65_535;
const SHARE = '$share/';

/** The filter that a shared subscription `$share/{group}/{filter}` matches with; any other filter unchanged. */
export function filterOfShare(filter: string): string {
  if (!filter.startsWith(SHARE)) return filter;
  const end = filter.indexOf('/', SHARE.length);
  return end < 0 ? filter : filter.slice(end + 1);
}

export function isWildcard(filter: string): boolean {
  return filter.includes('+') || filter.includes('#');
}

/** Whether a topic filter (shared ones too) matches a topic name (MQTT 5 §4.7; a leading wildcard skips `$` topics). */
export function matchTopic(filter: string, topic: string): boolean {
  const pattern = filterOfShare(filter);
  const first = pattern.charCodeAt(0);
  if (topic.charCodeAt(0) === DOLLAR && (first === HASH || first === PLUS)) return false;
  let at = 0;
  for (let i = 0; i < pattern.length; i += 1) {
    const char = pattern.charCodeAt(i);
    if (char === HASH) return true;
    if (char === PLUS) {
      while (at < topic.length && topic.charCodeAt(at) !== SLASH) at += 1;
    } else if (at < topic.length && char === topic.charCodeAt(at)) {
      at += 1;
    } else {
      // `a/#` also matches its parent `a`.
      return at === topic.length && char === SLASH && pattern.charCodeAt(i + 1) === HASH;
    }
  }
  return at === topic.length;
}

/** Throws LinkError `invalid-topic` unless `topic` may be published to (MQTT 5 §4.7.3). */
export function assertTopicName(field: string, topic: string): void {
  if (topic === '') throw new LinkError('invalid-topic', `${field} is empty; give a topic name`);
  for (let i = 0; i < topic.length; i += 1) {
    const char = topic.charCodeAt(i);
    if (char === PLUS || char === HASH || char === 0) {
      throw new LinkError('invalid-topic', `${field} "${topic}" must not contain +, # or NUL`);
    }
  }
  assertSize(field, topic);
}

/** Throws LinkError `invalid-topic` unless `filter` is a topic filter (MQTT 5 §4.7.1, §4.8.2). */
export function assertTopicFilter(field: string, filter: string): void {
  if (filter === '' || filter.includes('\0')) {
    throw new LinkError('invalid-topic', `${field} must be a non-empty topic filter without NUL`);
  }
  assertSize(field, filter);
  const levels = filter.split('/');
  if (filter.startsWith(SHARE)) {
    const [, group = '', ...rest] = levels;
    if (group === '' || isWildcard(group) || rest.join('/') === '') {
      throw new LinkError(
        'invalid-topic',
        `${field} "${filter}" must read $share/{group}/{filter}, group without wildcards`,
      );
    }
  }
  for (const [index, level] of levels.entries()) {
    if (!isWildcard(level)) continue;
    const whole = level === '+' || (level === '#' && index === levels.length - 1);
    if (!whole) {
      throw new LinkError(
        'invalid-topic',
        `${field} "${filter}": + must fill a level, # must fill the last level`,
      );
    }
  }
}

function assertSize(field: string, text: string): void {
  if (text.length * 3 > MAX_BYTES && Buffer.byteLength(text) > MAX_BYTES) {
    throw new LinkError('invalid-topic', `${field} is longer than ${MAX_BYTES} bytes`);
  }
}
