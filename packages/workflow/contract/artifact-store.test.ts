import { createHash } from 'node:crypto';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { StepResult } from '@shoal/protocol';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { fileArtifactStore, s3ArtifactStore } from '../src/artifacts/index.ts';
import { defineBlueprint, type ArtifactStore, type Blueprint } from '../src/index.ts';
import { graphYaml } from '../src/testing/index.ts';
import { S3_CREDENTIALS, startS3Server, type S3Server } from './s3-server.ts';
import { BROKERS, SessionBench, type TestBroker } from './session-bench.ts';

const owner = { org: 'o', unit: 'u', sessionId: 's-1', stepId: 'a' };
const content = (text: string) => {
  const bytes = Buffer.from(text);
  return { bytes, sha256: createHash('sha256').update(bytes).digest('hex'), mediaType: 'application/json' };
};

vi.setConfig({ testTimeout: 120_000 });

let s3: S3Server;
let directory: string;
let broker: TestBroker;

beforeAll(async () => {
  s3 = await startS3Server('results');
  directory = await mkdtemp(join(tmpdir(), 'shoal-artifacts-'));
  broker = await BROKERS[0]![1]();
});
afterAll(async () => {
  await broker.stop();
  await s3.stop();
  await rm(directory, { recursive: true });
});

const s3Store = (more: Partial<Parameters<typeof s3ArtifactStore>[0]> = {}): ArtifactStore =>
  s3ArtifactStore({ endpoint: s3.endpoint, bucket: 'results', ...S3_CREDENTIALS, ...more });

interface Kind {
  readonly store: () => ArtifactStore;
  readonly count: () => Promise<number>;
  readonly damage: (uri: string) => Promise<void>;
}

const KINDS: readonly (readonly [string, Kind])[] = [
  [
    'files',
    {
      store: () => fileArtifactStore({ directory }),
      count: async () =>
        (await readdir(directory, { recursive: true, withFileTypes: true })).filter((file) => file.isFile())
          .length,
      damage: (uri) => writeFile(fileURLToPath(uri), 'something else'),
    },
  ],
  [
    'S3',
    {
      store: () => s3Store(),
      count: () => Promise.resolve(s3.objects.size),
      damage: (uri) => {
        s3.objects.set(uri.replace('s3://results/', ''), Buffer.from('something else'));
        return Promise.resolve();
      },
    },
  ],
];

describe.each(KINDS)('artifacts in %s', (_, { store, count, damage }) => {
  test('what was put is got by its URI; putting it again changes nothing; a session is removed as a whole', async () => {
    const artifacts = store();
    const uri = await artifacts.put(owner, content('"large"'));
    expect(await artifacts.put(owner, content('"large"'))).toBe(uri);
    const other = await artifacts.put({ ...owner, sessionId: 's-10' }, content('"other"'));
    expect(await count()).toBe(2);
    expect(Buffer.from((await artifacts.get(uri, 100))!).toString()).toBe('"large"');
    await expect(artifacts.get(uri, 3)).rejects.toThrow('3');
    await artifacts.remove(owner);
    await artifacts.remove(owner);
    expect(await artifacts.get(uri, 100)).toBeUndefined();
    expect(Buffer.from((await artifacts.get(other, 100))!).toString()).toBe('"other"');
    await artifacts.remove({ ...owner, sessionId: 's-10' });
    expect(await count()).toBe(0);
  });

  test('ids that would leave their place are refused', async () => {
    await expect(store().put({ ...owner, stepId: '../a' }, content('x'))).rejects.toThrow('stepId');
    await expect(store().remove({ ...owner, sessionId: 'a/b' })).rejects.toThrow('sessionId');
    await store().remove({ ...owner, sessionId: '..' });
    await expect(store().get(pathToFileURL('/etc/hostname').href, 100)).rejects.toThrow('of this store');
  });

  const large = 'x'.repeat(300_000);
  const makes = defineBlueprint({
    id: 'work',
    description: 'Step a makes much; b says how much it got.',
    run: ({ stepId, results }) =>
      Promise.resolve({ output: stepId === 'a' ? large : JSON.stringify(results['a']).length - 2 }),
  });

  async function runTwo(
    blueprint: Blueprint,
    artifacts: { store: ArtifactStore } | undefined,
    between?: (a: StepResult) => Promise<void>,
  ) {
    const one = await SessionBench.open(broker.url, graphYaml({ a: [], b: ['a'] }));
    const result = async (stepId: string): Promise<StepResult> => {
      await one.until(({ view }) => view.steps.get(stepId)?.result !== undefined);
      return one.view.steps.get(stepId)!.result!;
    };
    try {
      await one.run('a', [blueprint], 1, { artifacts });
      const a = await result('a');
      await between?.(a);
      // As often as it asks for another attempt.
      let attempt = 1;
      while ((await one.run('b', [blueprint], attempt, { artifacts })).end === 'retrying') attempt += 1;
      return { a, b: await result('b'), sessionId: one.session.sessionId };
    } finally {
      await one.close();
    }
  }

  test('a large output goes by reference, and the next step gets it whole', async () => {
    const artifacts = { store: store() };
    const { a, b, sessionId } = await runTwo(makes, artifacts);
    expect(a).toMatchObject({ state: 'completed', output: null, outputRef: { bytes: 300_002 } });
    expect(b).toMatchObject({ state: 'completed', output: 300_000 });
    expect(b.outputRef).toBeUndefined();
    await artifacts.store.remove({ org: 'o', unit: 'u', sessionId });
    expect(await count()).toBe(0);
  });

  test('an output that is gone, is another, or cannot be read, fails the step that needs it by name', async () => {
    const artifacts = { store: store() };
    const gone = await runTwo(makes, artifacts, ({ sessionId }) =>
      artifacts.store.remove({ org: 'o', unit: 'u', sessionId }),
    );
    expect(gone.b).toMatchObject({ state: 'failed', error: { code: 'ARTIFACT_MISSING' } });
    const damaged = await runTwo(makes, artifacts, (a) => damage(a.outputRef!.uri));
    expect(damaged.b).toMatchObject({ state: 'failed', error: { code: 'ARTIFACT_CORRUPT' } });
    await artifacts.store.remove({ org: 'o', unit: 'u', sessionId: damaged.sessionId });
  });
});

test('without a store, or above its bound, a large output fails its step and says what to do', async () => {
  const one = await SessionBench.open(broker.url, graphYaml({ a: [] }));
  const makes = defineBlueprint({
    id: 'work',
    description: 'Much.',
    run: () => Promise.resolve({ output: 'x'.repeat(300_000) }),
  });
  await one.run('a', [makes]);
  await one.until(({ view }) => view.steps.get('a')?.result !== undefined);
  const { error } = one.view.steps.get('a')!.result!;
  expect(error).toMatchObject({
    code: 'OUTPUT_TOO_LARGE',
    message: expect.stringContaining('artifact store'),
  });
  await one.close();
});

test('a store that is away for a moment is asked again; one that stays away is another attempt, not an output', async () => {
  s3.failures.push(503, 500);
  const uri = await s3Store().put(owner, content('"patient"'));
  expect(s3.objects.size).toBe(1);
  await s3Store().remove(owner);
  expect(await s3Store().get(uri, 100)).toBeUndefined();
  const away: ArtifactStore = {
    put: () => Promise.reject(new Error('no route')),
    get: () => Promise.reject(new Error('no route')),
    remove: () => Promise.resolve(),
  };
  const one = await SessionBench.open(
    broker.url,
    graphYaml({ a: [] }, { a: 'retry: { maxAttempts: 2, backoffSeconds: 0.01 }' }),
  );
  const makes = defineBlueprint({
    id: 'work',
    description: 'Much.',
    run: () => Promise.resolve({ output: 'x'.repeat(100_000) }),
  });
  const artifacts = { store: away };
  expect(await one.run('a', [makes], 1, { artifacts })).toEqual({ end: 'retrying' });
  await one.run('a', [makes], 2, { artifacts });
  await one.until(({ view }) => view.steps.get('a')?.result !== undefined);
  expect(one.view.steps.get('a')?.result).toMatchObject({
    state: 'failed',
    error: { code: 'ATTEMPTS_EXHAUSTED', message: expect.stringContaining('ARTIFACT_NOT_STORED') },
  });
  await one.close();
});

test('a wrong secret is refused by S3, and is told', async () => {
  await expect(s3Store({ secretAccessKey: 'wrong' }).put(owner, content('x'))).rejects.toThrow(
    'SignatureDoesNotMatch',
  );
});
