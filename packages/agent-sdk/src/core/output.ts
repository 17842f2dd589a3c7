import type { Artifact, Part } from '@shoal/protocol';

/** What a handler may return to complete its task. Text and data become one artifact each call; nothing returned: no artifact. */
export type Output =
  | string
  | {
      readonly text?: string;
      readonly data?: unknown;
      readonly parts?: readonly Part[];
      readonly artifacts?: readonly ArtifactInput[];
    };

export interface ArtifactInput {
  /** Unique in the task. Default: a number counting from 1. */
  readonly artifactId?: string;
  readonly name?: string;
  readonly description?: string;
  readonly parts: readonly Part[];
  readonly metadata?: Record<string, unknown>;
}

const CONTENT = ['text', 'raw', 'url', 'data'] as const;

/** Why parts cannot be sent, or undefined: every Part holds exactly one of text, raw, url, data (A2A §4.1.6). */
export function faultOfParts(parts: readonly Part[]): string | undefined {
  if (!Array.isArray(parts) || parts.length === 0) return 'parts must hold at least one part';
  for (const [index, part] of parts.entries()) {
    if (typeof part !== 'object' || part === null) return `parts[${index}] must be an object`;
    const held = CONTENT.filter(
      (name) => name in part && (part as Record<string, unknown>)[name] !== undefined,
    );
    if (held.length !== 1)
      return `parts[${index}] must hold exactly one of text, raw, url, data; it holds ${held.length}`;
    const [name] = held as ['text' | 'raw' | 'url' | 'data'];
    const value: unknown = part[name];
    if (typeof (value as { readonly then?: unknown } | null)?.then === 'function')
      return `parts[${index}].${name} is a promise: await it`;
    if (name !== 'data' && typeof value !== 'string') return `parts[${index}].${name} must be a string`;
  }
  return undefined;
}

/** `text`, then `data`, then `parts`, as parts of one message. */
export function toParts(input: {
  readonly text?: string;
  readonly data?: unknown;
  readonly parts?: readonly Part[];
}): Part[] {
  const parts: Part[] = [];
  if (input.text !== undefined) parts.push({ text: input.text });
  if (input.data !== undefined) parts.push({ data: input.data });
  if (input.parts !== undefined) parts.push(...input.parts);
  return parts;
}

/** The artifacts that a handler's return value stands for; throws a plain Error that names the fault. */
export function toArtifacts(output: Output | undefined, nextId: () => string): Artifact[] {
  if (output === undefined) return [];
  if (typeof output === 'string') return [{ artifactId: nextId(), parts: [{ text: output }] }];
  const artifacts = (output.artifacts ?? []).map((input) => toArtifact(input, nextId));
  const parts = toParts(output);
  if (parts.length > 0) artifacts.unshift(toArtifact({ parts }, nextId));
  return artifacts;
}

export function toArtifact(input: ArtifactInput, nextId: () => string): Artifact {
  const fault = faultOfParts(input.parts);
  if (fault !== undefined) throw new TypeError(`artifact: ${fault}`);
  const { name, description, metadata } = input;
  return {
    artifactId: input.artifactId ?? nextId(),
    parts: [...input.parts],
    ...(name === undefined ? {} : { name }),
    ...(description === undefined ? {} : { description }),
    ...(metadata === undefined ? {} : { metadata }),
  };
}
