import { expect, test } from 'vitest';
import { parseBrokerUrl, transportOf } from './broker-url.ts';

const SCHEMES = ['mqtt:', 'mqtts:', 'ws:', 'wss:'];
const parse = (url: string, schemes = SCHEMES): URL => parseBrokerUrl(url, schemes);

test.each(['localhost', 'http://host', 'mqtt://', '', 'mqtt:host'])('%j is no broker URL', (url) => {
  expect(() => parse(url)).toThrowError(expect.objectContaining({ code: 'invalid-options' }));
});

test.each([
  ['localhost:1883', 'did you mean mqtt://localhost:1883?'],
  ['http://host:8080', 'use ws:// for MQTT over WebSocket'],
  ['https://host', 'use wss:// for MQTT over WebSocket'],
  ['tcp://host', 'say mqtt:// for TCP'],
])('%j is answered with the URL to use', (url, advice) => {
  expect(() => parse(url)).toThrowError(advice);
});

test('in a browser mqtt:// is answered with the listener to use', () => {
  expect(() => parse('mqtt://host', ['ws:', 'wss:'])).toThrowError('a browser speaks WebSocket only');
});

test('the error holds no password', () => {
  expect(() => parse('tcp://ann:secret@host')).toThrowError(/^(?!.*secret)/);
});

test.each([
  ['mqtts://h', undefined, 'tls'],
  ['wss://h', true, 'tls'],
  ['mqtts://h', false, 'tls-unverified'],
  ['mqtt://127.0.0.1', undefined, 'loopback'],
  ['ws://localhost:9001/mqtt', undefined, 'loopback'],
  ['mqtt://[::1]', undefined, 'loopback'],
  ['mqtt://127.0.0.1.example.com', undefined, 'plain'],
  ['mqtt://10.0.0.7', undefined, 'plain'],
])('%s (rejectUnauthorized %s) is %s', (url, rejectUnauthorized, transport) => {
  expect(transportOf(parse(url), rejectUnauthorized)).toBe(transport);
});
