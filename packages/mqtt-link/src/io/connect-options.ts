import type { IClientOptions } from 'mqtt';
import { asBuffer } from '../core/encode.ts';
import { LinkError } from '../core/link-error.ts';
import { assertTopicName } from '../core/topic.ts';
import { parseBrokerUrl, transportOf } from '../core/broker-url.ts';
import type { LinkOptions, LinkTransport, UserProperties, WillOptions } from '../link.ts';
import type { ConnectionOptions } from './connection.ts';
import { DEFAULT_PORTS, openTransport } from './platform.ts';

export const DEFAULT_CONNECT_TIMEOUT_MS = 10_000;
export const DEFAULT_RECEIVE_MAXIMUM = 1_000;

/** Checks the options and puts them into MQTT.js's terms, once for all connections of a link. Throws `invalid-options`. */
export function connectOptions(
  options: LinkOptions,
): Omit<ConnectionOptions, 'signal'> & { readonly transport: LinkTransport } {
  assertOptions(options);
  const url =
    options.openStream === undefined ? parseBrokerUrl(options.url, Object.keys(DEFAULT_PORTS)) : undefined;
  const openStream = options.openStream ?? (() => openTransport(url!, options.tls));
  const username =
    options.username ??
    (url === undefined || url.username === '' ? undefined : decodeURIComponent(url.username));
  const password =
    options.password ??
    (url === undefined || url.password === '' ? undefined : decodeURIComponent(url.password));
  const client: IClientOptions = {
    clientId: options.clientId,
    clean: options.cleanStart ?? true,
    keepalive: options.keepAliveSeconds ?? 30,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(options.will === undefined ? {} : { will: willPacket(options.will) }),
    properties: {
      receiveMaximum: options.receiveMaximum ?? DEFAULT_RECEIVE_MAXIMUM,
      ...(options.sessionExpirySeconds === undefined
        ? {}
        : { sessionExpiryInterval: options.sessionExpirySeconds }),
      ...(options.userProperties === undefined
        ? {}
        : { userProperties: copyProperties(options.userProperties) }),
    },
  };
  return {
    openStream,
    client,
    connectTimeoutMs: options.connectTimeoutMs ?? DEFAULT_CONNECT_TIMEOUT_MS,
    transport: url === undefined ? 'custom' : transportOf(url, options.tls?.rejectUnauthorized),
  };
}

function willPacket(will: WillOptions): NonNullable<IClientOptions['will']> {
  const { payload } = will;
  return {
    topic: will.topic,
    payload: typeof payload === 'string' ? payload : asBuffer(payload),
    qos: will.qos ?? 1,
    retain: will.retain ?? false,
    properties: {
      ...(will.delaySeconds === undefined ? {} : { willDelayInterval: will.delaySeconds }),
      ...(will.payloadIsUtf8 === undefined ? {} : { payloadFormatIndicator: will.payloadIsUtf8 }),
      ...(will.messageExpirySeconds === undefined
        ? {}
        : { messageExpiryInterval: will.messageExpirySeconds }),
      ...(will.contentType === undefined ? {} : { contentType: will.contentType }),
      ...(will.responseTopic === undefined ? {} : { responseTopic: will.responseTopic }),
      ...(will.correlationData === undefined ? {} : { correlationData: asBuffer(will.correlationData) }),
      ...(will.userProperties === undefined ? {} : { userProperties: copyProperties(will.userProperties) }),
    },
  };
}

function copyProperties(properties: UserProperties): Record<string, string | string[]> {
  return Object.fromEntries(
    Object.entries(properties).map(([name, value]) => [name, typeof value === 'string' ? value : [...value]]),
  );
}

function assertOptions(options: LinkOptions): void {
  const refuse = (message: string): never => {
    throw new LinkError('invalid-options', message);
  };
  if (options.clientId === '') refuse('clientId is empty; give every link an identity of its own');
  if (options.fenced === true && (options.sessionExpirySeconds ?? 0) > 0) {
    refuse(
      'sessionExpirySeconds must be 0 on a fenced link: a session would resend what the fence is there to stop',
    );
  }
  if (options.fenced === true && options.cleanStart === false) {
    refuse('cleanStart must be true on a fenced link');
  }
  assertRange('keepAliveSeconds', options.keepAliveSeconds, 0, 65_535);
  assertRange('sessionExpirySeconds', options.sessionExpirySeconds, 0, 0xffff_ffff);
  assertRange('connectTimeoutMs', options.connectTimeoutMs, 1, 0x7fff_ffff);
  assertRange('receiveMaximum', options.receiveMaximum, 1, 65_535);
  assertRange('maxPending', options.maxPending, 1, Number.MAX_SAFE_INTEGER);
  if (options.reconnect) {
    assertRange('reconnect.minDelayMs', options.reconnect.minDelayMs, 0, 0x7fff_ffff);
    assertRange(
      'reconnect.maxDelayMs',
      options.reconnect.maxDelayMs,
      options.reconnect.minDelayMs,
      0x7fff_ffff,
    );
  }
  if (options.will !== undefined) assertTopicName('will.topic', options.will.topic);
}

function assertRange(field: string, value: number | undefined, low: number, high: number): void {
  if (value === undefined || (Number.isInteger(value) && value >= low && value <= high)) return;
  throw new LinkError('invalid-options', `${field} must be an integer from ${low} to ${high}, is ${value}`);
}
