import type { Artifact, Part } from '@shoal/protocol';
import { base64Bytes, tryDecodeBase64 } from '../core/base64.ts';
import type { MaybePromise } from '../core/keyed-lock.ts';
import { localError } from '../errors.ts';

export interface StoredArtifact {
  readonly taskId: string;
  readonly artifactId: string;
  readonly bytes: Uint8Array;
  readonly mediaType?: string | undefined;
  readonly filename?: string | undefined;
}

/** Where large artifacts lie: an object store, a file server. What it returns is shown to whoever may see the task. */
export interface ArtifactStore {
  /** Resolves with the URL to fetch it from. May be called again for the same artifact. */
  put(artifact: StoredArtifact): Promise<string>;
}

export interface ArtifactOptions {
  /** Bytes of a raw part above which it is put into the store, or refused when there is none. Default 524 288. */
  readonly inlineLimitBytes?: number;
  readonly store?: ArtifactStore;
  /** Payload bytes of a chunk in the binary mode. Default 65 536. Less when the broker takes no such packets. */
  readonly chunkBytes?: number;
}

/** In base64 and with its task around it, this still fits into a packet of 1 MB, which is what EMQX takes by default. */
const INLINE_LIMIT_BYTES = 524_288;

/** The artifact with references in the place of raw parts that are too large. Rejects with A2aError `artifact-too-large`. */
export function referLarge(
  artifact: Artifact,
  taskId: string,
  { inlineLimitBytes = INLINE_LIMIT_BYTES, store }: ArtifactOptions,
): MaybePromise<Artifact> {
  const isLarge = ({ raw }: Part): boolean => raw !== undefined && base64Bytes(raw) > inlineLimitBytes;
  if (!artifact.parts.some(isLarge)) return artifact;
  if (store === undefined) {
    throw localError(
      'artifact-too-large',
      `artifact ${artifact.artifactId} has a raw part of more than ${inlineLimitBytes} bytes: give the agent an artifacts.store, append it in pieces, or raise artifacts.inlineLimitBytes`,
    );
  }
  const { artifactId } = artifact;
  const refer = async (part: Part): Promise<Part> => {
    const bytes = isLarge(part) ? tryDecodeBase64(part.raw ?? '') : undefined;
    if (bytes === undefined) return part;
    const { mediaType, filename, metadata } = part;
    return {
      url: await store.put({ taskId, artifactId, bytes, mediaType, filename }),
      ...(mediaType === undefined ? {} : { mediaType }),
      ...(filename === undefined ? {} : { filename }),
      ...(metadata === undefined ? {} : { metadata }),
    };
  };
  return Promise.all(artifact.parts.map(refer)).then((parts) => ({ ...artifact, parts }));
}
