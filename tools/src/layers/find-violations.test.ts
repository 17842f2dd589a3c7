import { describe, expect, it } from 'vitest';
import { findViolations } from './find-violations.ts';

const check = (path: string, text: string) => findViolations([{ path, text }]).map((found) => found.message);

describe('the layer check', () => {
  it('refuses an arrow that the table does not have', () => {
    expect(
      check('packages/mqtt-link/src/io/a.ts', `import { requestTopic } from '@shoal/protocol';`),
    ).toEqual(['@shoal/mqtt-link must not import @shoal/protocol']);
  });

  it('allows what the table has', () => {
    expect(check('packages/supervisor/src/a.ts', `import type { Plan } from '@shoal/workflow';`)).toEqual([]);
  });

  it('lets tests use the embedded broker, and only tests', () => {
    const text = `import { createBroker } from '@shoal/broker';`;
    expect(check('packages/agent-sdk/src/io/a.test.ts', text)).toEqual([]);
    expect(check('packages/agent-sdk/src/io/a.ts', text)).toHaveLength(1);
  });

  it('lets tests and tools use what is not published, and only them', () => {
    const text = `import { bundleProgram } from '@shoal/bundle';`;
    expect(check('packages/supervisor/contract/a.test.ts', text)).toEqual([]);
    expect(check('tools/src/bench/a.ts', text)).toEqual([]);
    expect(check('packages/supervisor/src/io/a.ts', text)).toHaveLength(1);
  });

  it('refuses an import over several lines and names the line of its source', () => {
    const text = `import {\n  a,\n  b,\n} from '@shoal/broker';`;
    expect(findViolations([{ path: 'packages/workflow/src/a.ts', text }])[0]).toMatchObject({ line: 4 });
  });

  it('refuses sockets, clocks and randomness in core', () => {
    expect(
      check('packages/workflow/src/core/a.ts', `import net from 'node:net';\nconst t = Date.now();`),
    ).toEqual([
      'core/ must not import node:net: hand in what it needs, or act in io/',
      'core/ must not call Date.now: take the time and randomness as input',
    ]);
  });

  it('allows types of io packages in core', () => {
    expect(check('packages/workflow/src/core/a.ts', `import type { Link } from '@shoal/mqtt-link';`)).toEqual(
      [],
    );
  });

  it('lets nothing import an app', () => {
    expect(check('tools/src/a.ts', `import { x } from '@shoal/fleet';`)).toEqual([
      'nothing imports an app: @shoal/fleet',
    ]);
    expect(check('apps/fleet/src/a.ts', `import { x } from '@shoal/cli';`)).toEqual([
      'nothing imports an app: @shoal/cli',
    ]);
  });
});
