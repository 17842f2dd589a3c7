import { describe, expect, it } from 'vitest';
import { isScaffoldError } from '../errors.ts';
import { parseCommandLine } from './command-line.ts';
import { assertIdentifier, assertProjectName } from './names.ts';

function codeOf(work: () => unknown): string | undefined {
  try {
    work();
  } catch (error) {
    return isScaffoldError(error) ? error.code : String(error);
  }
  return undefined;
}

describe('a project name', () => {
  it.each(['a', 'pump-inspector', 'p2', 'line.3_pump'])('%s is taken', (name) => {
    expect(codeOf(() => assertProjectName(name))).toBeUndefined();
  });

  it.each([
    '',
    'Pump',
    '2pumps',
    'a/b',
    '../up',
    '.hidden',
    'a b',
    'a--b',
    'ends-',
    'pümp',
    'node_modules',
    'x'.repeat(65),
    '#',
    '+',
  ])('%j is refused', (name) => {
    expect(codeOf(() => assertProjectName(name))).toBe('invalid-name');
  });
});

it('an organisation is a level of a topic', () => {
  expect(codeOf(() => assertIdentifier('org', 'Acme.Pumps_1'))).toBeUndefined();
  expect(() => assertIdentifier('org', 'a/b')).toThrow('org "a/b"');
});

describe('the command line', () => {
  it('takes kind and name', () => {
    expect(parseCommandLine(['agent', 'pump-inspector', '--org', 'acme'])).toEqual({
      help: false,
      kind: 'agent',
      options: { name: 'pump-inspector', org: 'acme' },
    });
  });

  it('takes the name from the folder', () => {
    expect(parseCommandLine(['device', '--dir', '/somewhere/pump-01'])).toMatchObject({
      options: { name: 'pump-01', directory: '/somewhere/pump-01' },
    });
  });

  it.each([
    [[], 'usage'],
    [['agent'], 'usage'],
    [['agent', 'a', 'b'], 'usage'],
    [['agent', 'a', '--colour'], 'usage'],
    [['gadget', 'a'], 'unknown-kind'],
  ])('%j is refused as %s', (args, code) => {
    expect(codeOf(() => parseCommandLine(args))).toBe(code);
  });
});
