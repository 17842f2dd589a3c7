import { createEmqxApi, type EmqxApi } from '@shoal/registry-client';
import { usageError } from '../errors.ts';
import type { Settings } from '../settings/settings.ts';

/** The management API of EMQX or of the embedded broker; undefined when none is configured. Throws CliError `usage`. */
export function tryApi({ apiUrl, apiKey, apiSecret, timeoutMs }: Settings): EmqxApi | undefined {
  if (apiUrl === undefined) return undefined;
  if (apiKey === undefined || apiSecret === undefined)
    throw usageError('--api needs SHOAL_API_KEY and SHOAL_API_SECRET in the environment');
  return createEmqxApi({ url: apiUrl, apiKey: { key: apiKey, secret: apiSecret }, timeoutMs });
}
