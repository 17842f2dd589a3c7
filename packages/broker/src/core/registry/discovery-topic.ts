export interface DiscoveryAddress {
  readonly org: string;
  readonly unit: string;
  readonly agentId: string;
}

const PREFIX = '$a2a/v1/discovery/';

/**
 * The address in a discovery topic, its identifiers not checked yet. The EMQX profile also knows `{namespace}/$a2a/v1/discovery/…`.
 */
export function tryParseDiscoveryTopic(
  topic: string,
  profile: 'shoal' | 'emqx',
): DiscoveryAddress | undefined {
  let rest: string;
  if (topic.startsWith(PREFIX)) rest = topic.slice(PREFIX.length);
  else if (profile === 'emqx') {
    const slash = topic.indexOf('/');
    if (slash < 1 || !topic.startsWith(PREFIX, slash + 1)) return undefined;
    rest = topic.slice(slash + 1 + PREFIX.length);
  } else return undefined;
  const levels = rest.split('/');
  if (levels.length !== 3) return undefined;
  const [org, unit, agentId] = levels as [string, string, string];
  return { org, unit, agentId };
}

export const discoveryTopicOf = (clientId: string): string => PREFIX + clientId;
