export { MCP_CLIENT_ID, mcpClientAccess, mcpServerAccess, type McpAccessGrant } from './core/access.ts';
export { isMcpMqttError, MCP_MQTT_ERROR_CODES, McpMqttError, type McpMqttErrorCode } from './core/errors.ts';
export { matchesServerName, type McpServerRef } from './core/topics.ts';
export type { McpRole } from './core/rbac.ts';
export type { RequestTimeouts } from './core/timeouts.ts';
export { MqttClientTransport, type MqttClientTransportOptions } from './io/client-transport.ts';
export { connectMcp, type ConnectMcpOptions, type McpConnection } from './io/connect-mcp.ts';
export {
  discoverMcpServers,
  watchMcpServers,
  type DiscoveredMcpServer,
  type McpServerEvents,
} from './io/discover.ts';
export type { ChooseServer } from './io/find-server.ts';
export type { LinkChoices } from './io/link-choices.ts';
export { callJsonTool, PROTOCOL_VERSIONS } from './io/mcp-client.ts';
export {
  MqttServerTransport,
  NOT_ALLOWED,
  SERVER_BUSY,
  type MqttServerTransportOptions,
} from './io/server-transport.ts';
export { serveMcp, type ConnectableServer, type ServeMcpOptions } from './io/serve-mcp.ts';
export { McpServing } from './io/serving.ts';
