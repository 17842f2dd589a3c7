import { utf8ToBytes } from '@noble/hashes/utils.js';
import type { Part, StepResult } from '@shoal/protocol';
import { sha256Hex } from '../core/sha256.ts';
import { StepError } from '../errors.ts';
import type { ArtifactOptions, ArtifactOwner } from '../types/artifact-store.ts';
import type { Json, StepOutput } from '../types/blueprint.ts';

/** As JSON; more goes by reference where there is a store. */
export const INLINE_LIMIT_BYTES = 65_536;
const MAX_STORED_BYTES = 16_777_216;

type Stored = Pick<StepResult, 'output' | 'outputRef' | 'artifacts'>;

/**
 * What of a step's end goes into its record: what is large is stored first, and referred to. Throws StepError ARTIFACT_NOT_STORED,
 * retryable, when the store does not take it.
 */
export async function storeLarge(
  { output, artifacts }: StepOutput,
  owner: ArtifactOwner,
  options: ArtifactOptions,
): Promise<Stored> {
  const referred = artifacts?.map(async (artifact) => ({
    ...artifact,
    parts: await Promise.all(artifact.parts.map((part) => storePart(part, owner, options))),
  }));
  const bytes = utf8ToBytes(JSON.stringify(output));
  const outputRef = isLarge(bytes, options)
    ? await store(bytes, 'application/json', owner, options)
    : undefined;
  return {
    output: outputRef === undefined ? output : null,
    ...(outputRef === undefined ? {} : { outputRef }),
    ...(referred === undefined ? {} : { artifacts: await Promise.all(referred) }),
  };
}

async function storePart(part: Part, owner: ArtifactOwner, options: ArtifactOptions): Promise<Part> {
  const { text, data, raw, ...rest } = part;
  const mediaType =
    rest.mediaType ??
    (raw !== undefined ? 'application/octet-stream' : text !== undefined ? 'text/plain' : 'application/json');
  const bytes =
    raw !== undefined
      ? Buffer.from(raw, 'base64')
      : text !== undefined
        ? utf8ToBytes(text)
        : data !== undefined
          ? utf8ToBytes(JSON.stringify(data))
          : undefined;
  if (bytes === undefined || !isLarge(bytes, options)) return part;
  const { uri, sha256, bytes: size } = await store(bytes, mediaType, owner, options);
  return { ...rest, url: uri, mediaType, metadata: { ...rest.metadata, sha256, bytes: size } };
}

function isLarge(bytes: Uint8Array, { inlineLimitBytes = INLINE_LIMIT_BYTES }: ArtifactOptions): boolean {
  return bytes.length > inlineLimitBytes;
}

async function store(
  bytes: Uint8Array,
  mediaType: string,
  owner: ArtifactOwner,
  { store, maxBytes = MAX_STORED_BYTES }: ArtifactOptions,
): Promise<NonNullable<StepResult['outputRef']>> {
  if (bytes.length > maxBytes)
    throw new StepError(
      'OUTPUT_TOO_LARGE',
      `${bytes.length} bytes of at most ${maxBytes}: raise artifacts.maxBytes`,
    );
  const hash = sha256Hex(bytes);
  try {
    const uri = await store.put(owner, { bytes, sha256: hash, mediaType });
    return { uri, sha256: hash, bytes: bytes.length, mediaType };
  } catch (cause) {
    const message = `the artifact store did not take ${bytes.length} bytes: ${String(cause)}`;
    throw new StepError('ARTIFACT_NOT_STORED', message, { retryable: true, cause });
  }
}

/**
 * The output of a step that is needed, wherever it lies. Throws StepError: ARTIFACT_UNREADABLE (retryable) when the store cannot be asked
 * or this host has none, ARTIFACT_MISSING when it has nothing there, ARTIFACT_CORRUPT when it is not what was stored.
 */
export async function loadOutput(result: StepResult, options: ArtifactOptions | undefined): Promise<Json> {
  const { outputRef: ref, stepId } = result;
  if (ref === undefined) return result.output ?? null;
  if (options === undefined)
    throw new StepError(
      'ARTIFACT_UNREADABLE',
      `the output of ${stepId} lies at ${ref.uri}, and this host has no artifact store`,
    );
  const found = await read(ref.uri, stepId, options);
  if (found === undefined)
    throw new StepError('ARTIFACT_MISSING', `the output of ${stepId} is not at ${ref.uri} any more`);
  if (sha256Hex(found) !== ref.sha256)
    throw new StepError('ARTIFACT_CORRUPT', `what lies at ${ref.uri} is not what ${stepId} stored there`);
  return JSON.parse(new TextDecoder().decode(found)) as Json;
}

async function read(uri: string, stepId: string, options: ArtifactOptions): Promise<Uint8Array | undefined> {
  try {
    return await options.store.get(uri, options.maxBytes ?? MAX_STORED_BYTES);
  } catch (cause) {
    const message = `the output of ${stepId} at ${uri} cannot be read: ${String(cause)}`;
    throw new StepError('ARTIFACT_UNREADABLE', message, { retryable: true, cause });
  }
}
