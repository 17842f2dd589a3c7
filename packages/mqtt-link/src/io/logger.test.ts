import { expect, test } from 'vitest';
import { consoleLogger, silentLogger } from './logger.ts';

test('one line for each entry from the level upwards, fields readable', () => {
  const lines: string[] = [];
  const logger = consoleLogger('info', (line) => lines.push(line));
  logger.debug('hidden');
  logger.info('online', {
    clientId: 'acme/plant/one',
    tries: 2,
    error: new Error('no "luck"'),
    text: 'two words',
  });
  logger.error('bad');
  expect(lines).toEqual([
    'info  online clientId=acme/plant/one tries=2 error="no \\"luck\\"" text="two words"\n',
    'error bad\n',
  ]);
});

test('fields that JSON cannot hold do not break the log', () => {
  const lines: string[] = [];
  const circular: Record<string, unknown> = {};
  circular['self'] = circular;
  consoleLogger('debug', (line) => lines.push(line)).warn('odd', { circular, big: 1n, nothing: undefined });
  expect(lines).toEqual(['warn  odd circular=[object Object] big=1 nothing=undefined\n']);
});

test('the silent logger is silent', () => {
  expect(silentLogger.error('x')).toBeUndefined();
});
