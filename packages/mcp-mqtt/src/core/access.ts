/** Who has to publish and subscribe to what: the topics of MCP over MQTT, seen from the parties. Brokers' access rules are made of it. */
import {
  clientCapabilityTopic,
  clientPresenceTopic,
  controlTopic,
  rpcTopic,
  serverCapabilityTopic,
  serverPresenceTopic,
  type McpServerRef,
} from './topics.ts';

export interface McpAccessGrant {
  readonly action: 'publish' | 'subscribe';
  readonly filter: string;
}

/** Stands in a filter for the MQTT client id of whoever connects; every broker has a placeholder of its own for it. */
export const MCP_CLIENT_ID = '{mcpClientId}';

/** What a server needs. Presence and capabilities of its clients carry no name of a server: it may see those of any client. */
export function mcpServerAccess(server: McpServerRef): readonly McpAccessGrant[] {
  return [
    { action: 'publish', filter: serverPresenceTopic(server) },
    { action: 'publish', filter: serverCapabilityTopic(server) },
    { action: 'subscribe', filter: controlTopic(server) },
    { action: 'publish', filter: rpcTopic('+', server) },
    { action: 'subscribe', filter: rpcTopic('+', server) },
    { action: 'subscribe', filter: clientPresenceTopic('+') },
    { action: 'subscribe', filter: clientCapabilityTopic('+') },
  ];
}

/** What a client needs of the servers that match; `+` may stand for a whole level of either part. */
export function mcpClientAccess({ serverName, serverId }: McpServerRef): readonly McpAccessGrant[] {
  const server = { serverId, serverName };
  // It waits for a server whose id it does not know yet.
  const anyInstance = { serverId: '+', serverName };
  return [
    { action: 'subscribe', filter: serverPresenceTopic(anyInstance) },
    { action: 'subscribe', filter: serverCapabilityTopic(server) },
    { action: 'publish', filter: controlTopic(server) },
    { action: 'publish', filter: rpcTopic(MCP_CLIENT_ID, server) },
    { action: 'subscribe', filter: rpcTopic(MCP_CLIENT_ID, server) },
    { action: 'publish', filter: clientPresenceTopic(MCP_CLIENT_ID) },
    { action: 'publish', filter: clientCapabilityTopic(MCP_CLIENT_ID) },
  ];
}
