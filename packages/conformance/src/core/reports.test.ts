import { describe, expect, it } from 'vitest';
import { judge, parseExpectedFailures } from './expectations.ts';
import { buildReport, type ScenarioResult } from './report.ts';
import { reportAsJunit } from './report-junit.ts';
import { reportAsText } from './report-text.ts';
import type { Requirement } from './requirement.ts';

const requirement = (id: string, part: Requirement['part'], level: Requirement['level'] = 'MUST') =>
  ({ id, level, roles: ['responder'], part, section: '1', text: id }) as const;
const REQUIREMENTS = [
  requirement('M', 'core'),
  requirement('S', 'core', 'SHOULD'),
  requirement('N', 'binary'),
];
const result = (id: string, requirements: string[], status: ScenarioResult['status'] = 'passed') => ({
  id,
  title: `title of ${id}`,
  role: 'responder' as const,
  requirements,
  status,
  durationMs: 5,
  ...(status === 'passed' ? {} : { reason: 'because <x>' }),
  ...(status === 'failed' ? { trace: ['+0 ms  a -> b  PUBLISH \u0000'] } : {}),
});
const report = (...results: ScenarioResult[]) =>
  buildReport({ subject: 's', broker: 'b' }, results, REQUIREMENTS);

describe('the level', () => {
  it('is Core when every MUST of the core part was seen to hold, whatever a SHOULD does', () => {
    expect(report(result('a', ['M']), result('b', ['S'], 'failed')).level).toBe('Core');
  });

  it('is none when a MUST failed or a scenario of it did not run', () => {
    for (const status of ['failed', 'notRun'] as const) {
      const built = report(result('a', ['M']), result('b', ['M'], status));
      expect(built.level).toBe('none');
      expect(built.roles.responder?.missing).toEqual([`M: b ${status}`]);
      expect(built.passed).toBe(1);
    }
  });

  it('is Extended when an optional part holds on top of Core, and not when it did not run', () => {
    expect(report(result('a', ['M']), result('n', ['N'])).level).toBe('Extended');
    expect(report(result('a', ['M']), result('n', ['N'], 'notRun')).level).toBe('Core');
    expect(report(result('a', ['M'], 'failed'), result('n', ['N'])).level).toBe('none');
  });

  it('is none when nothing was tested', () => {
    expect(report().level).toBe('none');
  });
});

describe('expected failures', () => {
  it('make a run fail on any other failure and on one that passes', () => {
    const built = report(result('a', ['M'], 'failed'), result('b', ['M']), result('c', ['M'], 'failed'));
    expect(judge(built, { a: 'known' })).toMatchObject({ ok: false, unexpectedFailures: ['c'] });
    expect(judge(built, { a: 'known', b: 'known', c: 'known' })).toMatchObject({
      ok: false,
      unexpectedPasses: ['b'],
    });
    expect(judge(built, { a: 'known', c: 'known' }).ok).toBe(true);
  });

  it('are refused when they name no scenario or give no reason', () => {
    const known = new Set(['a']);
    expect(parseExpectedFailures('{"a":"why"}', known)).toEqual({ a: 'why' });
    for (const text of ['{nope', '[]', '{"z":"why"}', '{"a":""}'])
      expect(() => parseExpectedFailures(text, known)).toThrow(
        expect.objectContaining({ code: 'invalid-expectations' }),
      );
  });
});

describe('reports', () => {
  const built = report(result('a', ['M']), result('b', ['M'], 'failed'), result('c', ['S'], 'notRun'));

  it('show in text what failed with its packets, and what did not run with the reason', () => {
    const text = reportAsText(built, judge(built));
    expect(text).toContain('FAIL    b  title of b  [M]');
    expect(text).toContain('| +0 ms  a -> b  PUBLISH');
    expect(text).toContain('not run c');
    expect(text).toContain('unexpected failure: b');
    expect(text.endsWith('1 passed, 1 failed, 1 not run\nlevel: none')).toBe(true);
    expect(reportAsText(built, judge(built), { all: false })).not.toContain('title of a');
  });

  it('are well-formed in XML whatever the packets hold', () => {
    const xml = reportAsJunit(built);
    expect(xml).toContain('<testsuites name="A2A over MQTT conformance" tests="3" failures="1" skipped="1">');
    expect(xml).toContain('<skipped message="because &lt;x&gt;"/>');
    expect(xml).not.toContain('\u0000');
  });
});
