import { USER_PROPERTIES } from '@shoal/protocol';
import type { DecodedRequest } from './decode-request.ts';
import type { ServiceParameters } from './service-parameters.ts';

/** Streams only, and never of a protected request: what is absent, unknown or impossible means JSON (profile: Native Binary 6). */
export function wantsChunks({
  method,
  reply,
  service,
}: Pick<DecodedRequest, 'method' | 'reply' | 'service'>): boolean {
  const streams = method === 'SendStreamingMessage' || method === 'SubscribeToTask';
  return service.artifactMode === 'binary' && streams && reply.seal === undefined;
}

/** Says in the replies which mode was chosen, to those who asked for one (profile: Native Binary 7). */
export function artifactModeOf(
  { artifactMode }: ServiceParameters,
  binary: boolean,
): Readonly<Record<string, string>> | undefined {
  if (artifactMode === undefined) return undefined;
  return { [USER_PROPERTIES.artifactMode]: binary ? 'binary' : 'json' };
}
