export { MqttTransportFactory, mqttTransports } from './io/transport-factory.ts';
export type { MqttTransportFactoryOptions } from './io/transport-factory.ts';
export { mqttCardResolver } from './io/card-resolver.ts';
export { MqttTransportError, isMqttTransportError } from './core/errors.ts';
export { createMqttServer } from './io/mqtt-server.ts';
export type { A2aMqttServer, A2aMqttServerOptions } from './io/mqtt-server.ts';
