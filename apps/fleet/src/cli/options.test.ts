import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseReasonerConfig } from '@shoal/reasoner/config';
import { parseOptions, UsageError } from './options.ts';

describe('the command line of the fleet', () => {
  it('runs eight devices until Ctrl-C when nothing is said', () => {
    expect(parseOptions([])).toMatchObject({
      devices: 8,
      once: false,
      json: false,
      broker: undefined,
      port: 0,
      console: true,
    });
  });

  it.each([[['--once']], [['--json']], [['--no-console']]])('serves no console with %j', (argv) => {
    expect(parseOptions(argv)).toMatchObject({ console: false });
  });

  it('takes every flag, also behind a double dash', () => {
    const argv = [
      '--',
      '--devices',
      '3',
      '--speed=100',
      '--broker',
      'mqtt://127.0.0.1:1883',
      '--once',
      '--json',
    ];
    expect(parseOptions(argv)).toMatchObject({
      devices: 3,
      speed: 100,
      broker: 'mqtt://127.0.0.1:1883',
      once: true,
      json: true,
    });
  });

  it('answers --help with the usage text', () => {
    expect(parseOptions(['--help'])).toBeUndefined();
  });

  it.each([
    [['--devices', '0'], '--devices takes a number from 2 to 200, not "0"'],
    [['--devices', '2.5'], '--devices takes a whole number'],
    [['--speed', 'fast'], '--speed takes a number from 1 to 1000, not "fast"'],
    [['--broker', 'localhost'], '--broker takes a URL such as'],
    [['--broker', 'http://x'], '--broker takes a URL such as'],
    [['--org', 'a/b'], '--org takes letters'],
    [['--sped', '1'], '--sped'],
  ])('refuses %j and names the flag', (argv, message) => {
    expect(() => parseOptions(argv)).toThrow(UsageError);
    expect(() => parseOptions(argv)).toThrow(message);
  });

  it('takes a model from a file, and says what is wrong with one', () => {
    const folder = mkdtempSync(join(tmpdir(), 'shoal-options-'));
    const file = join(folder, 'reasoner.json');
    const given = (config: unknown) => {
      writeFileSync(file, JSON.stringify(config));
      return parseOptions(['--reasoner', file])?.reasoner;
    };
    const config = { kind: 'openai-compatible', baseUrl: 'http://127.0.0.1:1/v1', model: 'small' };
    expect(parseOptions([])?.reasoner).toBeNull();
    expect(given({ kind: 'rules' })).toBeNull();
    expect(given(config)).toEqual(config);
    expect(() => given({ ...config, apiKey: 'secret' })).toThrow(/--reasoner .* apiKey must not stand/);
    expect(() => parseOptions(['--reasoner', join(folder, 'none.json')])).toThrow(UsageError);
    rmSync(folder, { recursive: true });
  });

  it('takes a GGUF file under limits in which the rules take over, and says what is wrong with one', () => {
    const folder = mkdtempSync(join(tmpdir(), 'shoal-options-'));
    const file = join(folder, 'small.gguf');
    writeFileSync(file, 'GGUF');
    const config = parseReasonerConfig(parseOptions(['--model', file])?.reasoner);
    expect(config).toMatchObject({ kind: 'llama', modelPath: file, fallback: 'rules', overBudget: 'rules' });
    expect(() => parseOptions(['--model', folder])).toThrow(
      `--model takes a GGUF file, and ${folder} is none`,
    );
    expect(() => parseOptions(['--model', file, '--reasoner', file])).toThrow(/give one of them/);
    rmSync(folder, { recursive: true });
  });
});
