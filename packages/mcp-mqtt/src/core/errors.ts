const brand = Symbol.for('@shoal/mcp-mqtt/McpMqttError');

/** Every code, with what it means. The README table is checked against this list. */
export const MCP_MQTT_ERROR_CODES = {
  'invalid-id':
    'a server id, client id, server name or filter holds a character that its MQTT topic does not allow',
  'server-not-found': 'no server with that name announced itself in time',
  'server-offline': 'the server withdrew its presence, restarted, or ended the session',
  'not-allowed': 'the broker suggested server name filters and none of them covers the server asked for',
  'connection-lost': 'the MQTT connection of this side ended without being asked to',
  'request-timeout': 'a request was not answered in time',
  'message-too-large': "the message exceeds the broker's maximum packet size",
  'tool-failed': 'the tool answered with isError',
  'invalid-result': 'a tool answered with something else than the JSON asked for',
  'invalid-message':
    'a packet holds no usable JSON-RPC message (logged or answered; never thrown at the application)',
  closed: 'this side closed the connection before',
} as const;

export type McpMqttErrorCode = keyof typeof MCP_MQTT_ERROR_CODES;

/** The errors of this package; branch on `code`. Errors that the other side answered arrive as the MCP SDK's `ProtocolError`. */
export class McpMqttError extends Error {
  readonly code: McpMqttErrorCode;

  /** Of `tool-failed`: the structured content that the tool answered with. */
  readonly details?: Readonly<Record<string, unknown>>;

  constructor(
    code: McpMqttErrorCode,
    message: string,
    options: ErrorOptions & { readonly details?: Readonly<Record<string, unknown>> } = {},
  ) {
    super(message, options);
    this.name = 'McpMqttError';
    this.code = code;
    if (options.details !== undefined) this.details = options.details;
    Object.defineProperty(this, brand, { value: true });
  }
}

/** Also recognises errors of another copy of this package. */
export function isMcpMqttError(error: unknown, code?: McpMqttErrorCode): error is McpMqttError {
  if (!(error instanceof Error) || !(brand in error)) return false;
  return code === undefined || (error as unknown as McpMqttError).code === code;
}
