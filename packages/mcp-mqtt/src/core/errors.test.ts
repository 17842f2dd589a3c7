import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { isMcpMqttError, MCP_MQTT_ERROR_CODES, McpMqttError } from './errors.ts';

it('every code has a row in the README, and the README has no other', () => {
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
  const rows = [...readme.matchAll(/^\| `([a-z-]+)` +\| (.+?) +\|$/gm)].map(([, code, text]) => [code, text]);
  expect(Object.fromEntries(rows)).toEqual(MCP_MQTT_ERROR_CODES);
});

it('is recognised by its brand and code, not by its class', () => {
  const error = new McpMqttError('server-offline', 'gone');
  expect(isMcpMqttError(error)).toBe(true);
  expect(isMcpMqttError(error, 'closed')).toBe(false);
  expect(isMcpMqttError(new Error('gone'))).toBe(false);
});
