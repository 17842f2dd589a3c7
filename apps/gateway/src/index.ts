export { createGateway } from './io/gateway.ts';
export type { Gateway, GatewayOptions } from './io/gateway-options.ts';
export { GatewayError } from './core/gateway-error.ts';
export { createHttpAgent } from './io/http-agent.ts';
export type { HttpAgentOptions } from './io/http-agent.ts';
