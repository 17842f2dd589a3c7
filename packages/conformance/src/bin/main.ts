#!/usr/bin/env node
import { readFile, writeFile } from 'node:fs/promises';
import { ConformanceError } from '../core/conformance-error.ts';
import { parseExpectedFailures } from '../core/expectations.ts';
import { parseManifest, type Manifest } from '../core/manifest.ts';
import { parseOptions, splitCommand, USAGE, type CommandOptions } from '../core/options.ts';
import { reportAsJunit } from '../core/report-junit.ts';
import { reportAsText } from '../core/report-text.ts';
import type { Role } from '../core/requirement.ts';
import { runConformance, subjectOf } from '../io/run-conformance.ts';
import { SCENARIOS } from '../scenarios/index.ts';

async function manifestOf({ manifest, responder, requester }: CommandOptions): Promise<Manifest> {
  if (manifest !== undefined) return parseManifest(await readFile(manifest, 'utf8'));
  return {
    name: 'the subject',
    ...(responder === undefined
      ? {}
      : { responder: { command: splitCommand(responder), offers: [], variants: [] } }),
    ...(requester === undefined
      ? {}
      : { requester: { command: splitCommand(requester), offers: [], operations: ['send'] } }),
  };
}

async function test(options: CommandOptions): Promise<number> {
  const {
    broker,
    json,
    junit,
    failures,
    expectedFailures,
    ca,
    manifest: _,
    responder: __,
    requester: ___,
    ...rest
  } = options;
  if (broker === undefined)
    throw new ConformanceError('invalid-option', '--broker: the URL of a broker is needed');
  const manifest = await manifestOf(options);
  const described = (['responder', 'requester', 'subscriber'] as const).filter((role) => role in manifest);
  const roles: readonly Role[] = options.roles ?? described;
  if (roles.length === 0)
    throw new ConformanceError(
      'invalid-option',
      '--manifest, --responder, --requester or --role broker is needed',
    );
  const known = new Set(SCENARIOS.map(({ id }) => id));
  const expected =
    expectedFailures === undefined
      ? {}
      : parseExpectedFailures(await readFile(expectedFailures, 'utf8'), known);
  const { report, verdict } = await runConformance({
    ...rest,
    ...subjectOf(manifest),
    broker,
    roles,
    subjectName: described.length === 0 ? 'the broker' : manifest.name,
    expectedFailures: expected,
    ...(ca === undefined ? {} : { ca: await readFile(ca, 'utf8') }),
    onResult: ({ id, status }) => {
      if (json) return;
      process.stderr.write(`${status} ${id}\n`);
    },
  });
  if (junit !== undefined) await writeFile(junit, reportAsJunit(report));
  process.stdout.write(
    json
      ? `${JSON.stringify({ ...report, ok: verdict.ok, verdict }, null, 2)}\n`
      : `${reportAsText(report, verdict, { all: !failures })}\n`,
  );
  return verdict.ok ? 0 : 1;
}

async function main(args: readonly string[]): Promise<number> {
  const options = parseOptions(args);
  if (options.help) {
    process.stdout.write(`${USAGE}\n`);
    return 0;
  }
  if (options.list) {
    for (const { id, role, title, requirements } of SCENARIOS)
      process.stdout.write(`${role}  ${id}  ${title}  [${requirements.join(' ')}]\n`);
    return 0;
  }
  return test(options);
}

process.exitCode = await main(process.argv.slice(2)).catch((error: unknown) => {
  if (!(error instanceof ConformanceError || (error as NodeJS.ErrnoException).code === 'ENOENT')) throw error;
  process.stderr.write(`${(error as Error).message}\n`);
  return 2;
});
