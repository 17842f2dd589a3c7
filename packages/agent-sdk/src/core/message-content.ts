import type { Message } from '@shoal/protocol';

/** The text parts of a message, one per line. */
export function textOf(message: Message): string {
  const [first] = message.parts;
  if (message.parts.length === 1) return first?.text ?? '';
  return message.parts.flatMap((part) => (part.text === undefined ? [] : [part.text])).join('\n');
}

/** The first data part of a message; undefined when it has none. */
export function dataOf(message: Message): unknown {
  return message.parts.find((part) => 'data' in part)?.data;
}
