import { PacketError, Reason } from './reason-codes.ts';

/** Deeper names and filters are refused; it bounds the depth of every walk through the topic trees. */
export const MAX_TOPIC_LEVELS = 128;

function levelsOf(text: string): number {
  let levels = 1;
  for (let at = text.indexOf('/'); at !== -1; at = text.indexOf('/', at + 1)) levels++;
  return levels;
}

/** MQTT 5 §4.7: a name is not empty and has no wildcard. Throws PacketError 0x90. */
export function assertTopicName(field: string, topic: string): void {
  if (topic === '') throw new PacketError(Reason.topicNameInvalid, `${field}: is empty`);
  if (topic.includes('+') || topic.includes('#')) {
    throw new PacketError(Reason.topicNameInvalid, `${field}: contains a wildcard`);
  }
  if (levelsOf(topic) > MAX_TOPIC_LEVELS) {
    throw new PacketError(Reason.topicNameInvalid, `${field}: has more than ${MAX_TOPIC_LEVELS} levels`);
  }
}

/** MQTT 5 §4.7.1: `#` only as the last level, `+` only as a whole level. */
export function isTopicFilter(filter: string): boolean {
  if (filter === '') return false;
  const levels = filter.split('/');
  if (levels.length > MAX_TOPIC_LEVELS) return false;
  return levels.every((level, i) => {
    if (level === '#') return i === levels.length - 1;
    return level === '+' || (!level.includes('#') && !level.includes('+'));
  });
}

export interface ParsedFilter {
  /** What topics are matched against; without `$share/{group}/`. */
  readonly filter: string;
  readonly group: string | undefined;
}

/** Splits a shared subscription (MQTT 5 §4.8.2); undefined when the filter is not valid. */
export function tryParseFilter(text: string): ParsedFilter | undefined {
  if (!text.startsWith('$share/'))
    return isTopicFilter(text) ? { filter: text, group: undefined } : undefined;
  const slash = text.indexOf('/', 7);
  if (slash === -1) return undefined;
  const group = text.slice(7, slash);
  const filter = text.slice(slash + 1);
  if (group === '' || group.includes('+') || group.includes('#') || !isTopicFilter(filter)) return undefined;
  return { filter, group };
}
