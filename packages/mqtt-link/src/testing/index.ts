export { startFaultProxy, type FaultProxy } from './fault-proxy.ts';
export { mosquittoPath, startMosquitto, type MosquittoOptions, type RunningMosquitto } from './mosquitto.ts';
export { nextEvent } from './next-event.ts';
export { namedBroker, testBrokers, type TestBroker } from './test-brokers.ts';
export { startTlsFront, TEST_CERTIFICATE, type TlsFront } from './tls-front.ts';
