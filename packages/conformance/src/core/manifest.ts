import { ConformanceError } from './conformance-error.ts';

/** Abilities of a test agent beyond echoing: commands that it obeys, and variants of itself that can be started. See the README. */
export const RESPONDER_OFFERS = [
  'count',
  'slow',
  'progress',
  'chunks',
  'ask',
  'authorize',
  'fail',
  'reject',
  'message',
  'bytes',
  'handover',
] as const;
/** Forms in which a responder under test can be started. See the README. */
export const RESPONDER_VARIANTS = ['plain', 'busy', 'extension', 'pool', 'bearer'] as const;
/** What a requester under test can be told to do. */
export const REQUESTER_OPERATIONS = [
  'send',
  'stream',
  'get',
  'cancel',
  'parallel',
  'converse',
  'pool',
  'bearer',
] as const;
/** Abilities of a requester under test beyond its operations. See the README. */
export const REQUESTER_OFFERS = ['outcome', 'timing', 'handover'] as const;

export type ResponderOffer = (typeof RESPONDER_OFFERS)[number];
export type ResponderVariant = (typeof RESPONDER_VARIANTS)[number];
export type RequesterOperation = (typeof REQUESTER_OPERATIONS)[number];
export type RequesterOffer = (typeof REQUESTER_OFFERS)[number];

export interface SubjectCommand {
  /** Program and arguments. Placeholders in braces are replaced; see the README. */
  readonly command: readonly string[];
  /** Added to the environment; placeholders too. */
  readonly env?: Readonly<Record<string, string>>;
  /** Working directory. Default: where the kit runs. */
  readonly cwd?: string;
}

export interface ResponderManifest extends SubjectCommand {
  readonly offers: readonly ResponderOffer[];
  /** `plain` is always there. */
  readonly variants: readonly ResponderVariant[];
}

export interface RequesterManifest extends SubjectCommand {
  readonly operations: readonly RequesterOperation[];
  readonly offers: readonly RequesterOffer[];
}

/** What the kit has to know of a subject. */
export interface Manifest {
  readonly name: string;
  readonly responder?: ResponderManifest;
  readonly requester?: RequesterManifest;
  readonly subscriber?: SubjectCommand;
}

/** Checks a manifest. Throws ConformanceError `invalid-manifest` that names the field. */
export function parseManifest(text: string): Manifest {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new ConformanceError('invalid-manifest', `not JSON: ${(error as Error).message}`);
  }
  const { name, responder, requester, subscriber, ...others } = record('manifest', value);
  refuseOthers('manifest', others);
  if (typeof name !== 'string' || name === '') throw wrong('name', 'must be a text');
  return {
    name,
    ...(responder === undefined ? {} : { responder: responderOf(responder) }),
    ...(requester === undefined ? {} : { requester: requesterOf(requester) }),
    ...(subscriber === undefined ? {} : { subscriber: commandOf('subscriber', subscriber).command }),
  };
}

function responderOf(value: unknown): ResponderManifest {
  const { command, others } = commandOf('responder', value);
  const { offers = [], variants = [], ...rest } = others;
  refuseOthers('responder', rest);
  return {
    ...command,
    offers: words('responder.offers', offers, RESPONDER_OFFERS),
    variants: words('responder.variants', variants, RESPONDER_VARIANTS),
  };
}

function requesterOf(value: unknown): RequesterManifest {
  const { command, others } = commandOf('requester', value);
  const { offers = [], operations = ['send'], ...rest } = others;
  refuseOthers('requester', rest);
  return {
    ...command,
    offers: words('requester.offers', offers, REQUESTER_OFFERS),
    operations: words('requester.operations', operations, REQUESTER_OPERATIONS),
  };
}

function commandOf(field: string, value: unknown) {
  const { command, env, cwd, ...others } = record(field, value);
  if (!Array.isArray(command) || command.length === 0 || !command.every((part) => typeof part === 'string'))
    throw wrong(`${field}.command`, 'must be an array of texts: the program and its arguments');
  if (cwd !== undefined && typeof cwd !== 'string') throw wrong(`${field}.cwd`, 'must be a text');
  const variables = env === undefined ? undefined : record(`${field}.env`, env);
  if (variables !== undefined && !Object.values(variables).every((text) => typeof text === 'string'))
    throw wrong(`${field}.env`, 'must hold texts');
  const parsed: SubjectCommand = {
    command,
    ...(variables === undefined ? {} : { env: variables as Record<string, string> }),
    ...(cwd === undefined ? {} : { cwd }),
  };
  if (field === 'subscriber') refuseOthers(field, others);
  return { command: parsed, others };
}

function words<W extends string>(field: string, value: unknown, known: readonly W[]): readonly W[] {
  if (!Array.isArray(value)) throw wrong(field, 'must be an array');
  const unknown = value.find((word) => !known.includes(word as W));
  if (unknown !== undefined)
    throw wrong(field, `has ${JSON.stringify(unknown)}; known are ${known.join(', ')}`);
  return value as W[];
}

function record(field: string, value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw wrong(field, 'must be an object');
  return value as Record<string, unknown>;
}

function refuseOthers(field: string, others: object): void {
  const [name] = Object.keys(others);
  if (name !== undefined) throw wrong(`${field}.${name}`, 'is not a known field');
}

function wrong(field: string, what: string): ConformanceError {
  return new ConformanceError('invalid-manifest', `${field} ${what}`);
}

/** Replaces `{name}`; a placeholder that nobody knows is an error, as it would be passed on literally. */
export function fillPlaceholders(text: string, values: Readonly<Record<string, string>>): string {
  return text.replace(/\{([A-Za-z]+)\}/g, (_, name: string) => {
    const value = values[name];
    if (value === undefined)
      throw new ConformanceError(
        'invalid-manifest',
        `placeholder {${name}} is unknown here; known are ${Object.keys(values).join(', ')}`,
      );
    return value;
  });
}
