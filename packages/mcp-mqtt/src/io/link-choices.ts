import type { LinkOptions } from '@shoal/mqtt-link';

const KEYS = [
  'username',
  'password',
  'keepAliveSeconds',
  'connectTimeoutMs',
  'tls',
  'openStream',
  'logger',
] as const;

/** What the application may choose of the connection; the rest is the specification's. */
export type LinkChoices = Pick<LinkOptions, 'url' | (typeof KEYS)[number]>;

export function linkChoices(options: LinkChoices): LinkChoices {
  const given = KEYS.filter((key) => options[key] !== undefined).map((key) => [key, options[key]] as const);
  return { url: options.url, ...Object.fromEntries(given) };
}
