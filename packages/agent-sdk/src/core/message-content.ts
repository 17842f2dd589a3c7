import type { Message } from '@shoal/protocol';

/** The text parts of a message, one per line. */
export function textOf(message: Message): string {
  return message.parts.flatMap((part) => (part.text === undefined ? [] : [part.text])).join('\n');
}

/** The first data part of a message; undefined when it has none. */
export function dataOf(message: Message): unknown {
  return message.parts.find((part) => 'data' in part)?.data;
}
