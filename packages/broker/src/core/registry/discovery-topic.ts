export interface DiscoveryAddress {
  readonly org: string;
  readonly unit: string;
  readonly agentId: string;
}

export interface NamespacedAddress extends DiscoveryAddress {
  /** Undefined: global. */
  readonly namespace: string | undefined;
}

const PREFIX = '$a2a/v1/discovery/';

/**
 * The address in a discovery topic, its identifiers not checked yet: six levels, or seven with a namespace in front where these are
 * known.
 */
export function tryParseDiscoveryTopic(topic: string, namespaces: boolean): NamespacedAddress | undefined {
  let namespace: string | undefined;
  let rest = topic;
  if (!topic.startsWith(PREFIX)) {
    const slash = topic.indexOf('/');
    if (!namespaces || slash < 1 || !topic.startsWith(PREFIX, slash + 1)) return undefined;
    namespace = topic.slice(0, slash);
    rest = topic.slice(slash + 1);
  }
  const levels = rest.slice(PREFIX.length).split('/');
  if (levels.length !== 3) return undefined;
  const [org, unit, agentId] = levels as [string, string, string];
  return { namespace, org, unit, agentId };
}

/** `mount` is empty, or a namespace and a slash. */
export const discoveryTopicOf = (clientId: string, mount = ''): string => mount + PREFIX + clientId;
