import { describe, expect, test } from 'vitest';
import { parseBenchOptions } from './options.ts';

const parse = (...args: string[]): ReturnType<typeof parseBenchOptions> =>
  parseBenchOptions(args, ['rpc', 'agents']);

describe('the command line', () => {
  test('has defaults', () => {
    expect(parse('rpc')).toEqual({
      benchmark: 'rpc',
      json: false,
      quick: false,
      rounds: 5,
      broker: 'embedded',
    });
  });

  test('takes options in any order, with = or a space', () => {
    expect(parse('--json', '--rounds=7', 'rpc', '--broker', 'mosquitto')).toEqual({
      benchmark: 'rpc',
      json: true,
      quick: false,
      rounds: 7,
      broker: 'mosquitto',
    });
    expect(parse('rpc', '--quick')).toMatchObject({ quick: true, rounds: 2 });
    expect(parse('rpc', '--quick', '--rounds', '1')).toMatchObject({ quick: true, rounds: 1 });
  });

  test('takes the rows to measure', () => {
    expect(parse('rpc', '--only', 'fan-in 50:1, QoS 0')).toMatchObject({ only: 'fan-in 50:1, QoS 0' });
  });

  test.each([
    [['nothing'], /unknown benchmark "nothing"[^]*rpc, agents/],
    [[], /name a benchmark[^]*rpc, agents/],
    [['rpc', 'agents'], /one benchmark at a time/],
    [['rpc', '--fast'], /unknown option --fast/],
    [['rpc', '--rounds', '0'], /--rounds .* is "0"/],
    [['rpc', '--rounds'], /--rounds .* is ""/],
    [['rpc', '--broker', 'emqx'], /--broker .* is "emqx"/],
  ])('%j is refused and says what is right', (args, message) => {
    expect(() => parse(...args)).toThrow(message);
  });
});
