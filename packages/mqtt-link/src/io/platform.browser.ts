import mqtt from 'mqtt';
import type { Duplex } from 'node:stream';
import { WebSocketStream } from './web-socket-stream.browser.ts';

// MQTT.js's build for browsers has a default export and no other.
export const { MqttClient } = mqtt;

/** A page can open WebSockets and nothing else. */
export const DEFAULT_PORTS: Readonly<Record<string, number>> = { 'ws:': 80, 'wss:': 443 };

/** The browser decides about certificates: `tls` options have no effect. */
export function openTransport(url: URL): Duplex {
  return new WebSocketStream(new WebSocket(url, ['mqtt']));
}

/** A WebSocket keeps what it is given until it is sent. */
export function copiesOut(): boolean {
  return false;
}

export function afterThisTurn(callback: () => void): void {
  queueMicrotask(callback);
}

export function expectManyListeners(): void {}

export function unref(): void {}

export function writeLog(line: string): void {
  // oxlint-disable-next-line no-console
  console.error(line.trimEnd());
}
