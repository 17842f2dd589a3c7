/** Native binary artifacts (profile: Native Binary Artifact Mode): an artifact of one raw part as MQTT payloads without base64. */
import type { UserProperties } from '@shoal/mqtt-link';
import type { Artifact, TaskArtifactUpdateEvent } from '@shoal/protocol';
import { USER_PROPERTIES, parseJson, userProperty } from '@shoal/protocol';
import { tryDecodeBase64 } from './base64.ts';

export const ARTIFACT_UPDATE = 'task-artifact-update';
/** JSON of what the profile has no property for: name, description, filename, metadata. On the first chunk. An addition. */
export const ARTIFACT_INFO = 'a2a-artifact-info';

export interface Chunk {
  readonly bytes: Uint8Array;
  readonly contentType: string | undefined;
  readonly userProperties: Readonly<Record<string, string>>;
}

/** Numbers of the next chunks of the artifacts that are being sent to one caller, by artifact id. */
export type OpenSeries = Map<string, number>;

/**
 * The chunks of an update, or undefined when it goes as JSON: several parts, no raw part, or more of an artifact that was not begun
 * in chunks. An update that does not say `lastChunk` is whole, unless it is appended.
 */
export function toChunks(
  update: TaskArtifactUpdateEvent,
  open: OpenSeries,
  chunkBytes: number,
): Chunk[] | undefined {
  const { artifact, append = false, taskId, contextId } = update;
  const [part, ...more] = artifact.parts;
  const { artifactId } = artifact;
  if (part?.raw === undefined || more.length > 0 || (append && !open.has(artifactId))) return undefined;
  const bytes = tryDecodeBase64(part.raw);
  if (bytes === undefined) return undefined;
  const ends = update.lastChunk ?? !append;
  let seqno = append ? (open.get(artifactId) ?? 0) : 0;
  const chunks: Chunk[] = [];
  for (let at = 0; at === 0 || at < bytes.length; at += chunkBytes) {
    const last = ends && at + chunkBytes >= bytes.length;
    chunks.push({
      bytes: bytes.subarray(at, at + chunkBytes),
      contentType: part.mediaType,
      userProperties: {
        [USER_PROPERTIES.artifactMode]: 'binary',
        [USER_PROPERTIES.eventType]: ARTIFACT_UPDATE,
        [USER_PROPERTIES.taskId]: taskId,
        [USER_PROPERTIES.contextId]: contextId,
        [USER_PROPERTIES.artifactId]: artifactId,
        [USER_PROPERTIES.chunkSeqno]: String(seqno),
        [USER_PROPERTIES.lastChunk]: String(last),
        ...(seqno === 0 ? infoOf(artifact) : {}),
      },
    });
    seqno += 1;
  }
  if (ends) open.delete(artifactId);
  else open.set(artifactId, seqno);
  return chunks;
}

function infoOf({ name, description, metadata, parts }: Artifact): Record<string, string> {
  const info = JSON.stringify({ name, description, metadata, filename: parts[0]?.filename });
  return info === '{}' || info.length > 16_384 ? {} : { [ARTIFACT_INFO]: info };
}

export interface ReceivedChunk {
  readonly taskId: string;
  readonly contextId: string;
  readonly artifactId: string;
  readonly seqno: number;
  readonly last: boolean;
  readonly mediaType: string | undefined;
  readonly info: ArtifactInfo;
  readonly bytes: Uint8Array;
}

export interface ArtifactInfo {
  readonly name?: string;
  readonly description?: string;
  readonly filename?: string;
  readonly metadata?: Record<string, unknown>;
}

export function isChunk(properties: UserProperties): boolean {
  return userProperty(properties, USER_PROPERTIES.eventType) === ARTIFACT_UPDATE;
}

/** What is wrong with a chunk, or the chunk. */
export function readChunk(message: {
  readonly payload: Uint8Array;
  readonly contentType?: string;
  readonly userProperties: UserProperties;
}): ReceivedChunk | { readonly fault: string } {
  const { payload, contentType, userProperties } = message;
  const of = (name: string): string => userProperty(userProperties, name) ?? '';
  const taskId = of(USER_PROPERTIES.taskId);
  const artifactId = of(USER_PROPERTIES.artifactId);
  const seqno = of(USER_PROPERTIES.chunkSeqno);
  const last = of(USER_PROPERTIES.lastChunk);
  if (taskId === '' || artifactId === '')
    return { fault: 'a binary chunk names no a2a-task-id or no a2a-artifact-id' };
  if (!/^\d{1,9}$/.test(seqno)) return { fault: 'a2a-chunk-seqno is not a number' };
  if (last !== 'true' && last !== 'false') return { fault: 'a2a-last-chunk is neither true nor false' };
  return {
    taskId,
    artifactId,
    contextId: of(USER_PROPERTIES.contextId),
    seqno: Number(seqno),
    last: last === 'true',
    mediaType: contentType,
    info: readInfo(of(ARTIFACT_INFO)),
    bytes: payload,
  };
}

/** Only fields of the right type: the rest is somebody else's addition. */
function readInfo(text: string): ArtifactInfo {
  const json = text === '' ? undefined : parseJson(text);
  if (json?.ok !== true || typeof json.value !== 'object' || json.value === null) return {};
  const { name, description, filename, metadata } = json.value as Record<string, unknown>;
  return {
    ...(typeof name === 'string' ? { name } : {}),
    ...(typeof description === 'string' ? { description } : {}),
    ...(typeof filename === 'string' ? { filename } : {}),
    ...(typeof metadata === 'object' && metadata !== null
      ? { metadata: metadata as Record<string, unknown> }
      : {}),
  };
}
