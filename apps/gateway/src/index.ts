export { createGateway } from './io/gateway.ts';
export type { Gateway, GatewayOptions } from './io/gateway-options.ts';
export { GatewayError } from './core/gateway-error.ts';
