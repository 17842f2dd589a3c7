import { readFile } from 'node:fs/promises';
import {
  parseExpectedFailures,
  parseManifest,
  reportAsText,
  runConformance,
  SCENARIOS,
  subjectOf,
} from '@shoal/conformance';
import { startMosquitto } from '@shoal/mqtt-link/testing';
import { installPythonSdk } from './python-sdk.ts';
import { assert } from './run-command.ts';

/** The kit against the profile's own Python SDK: it finds every fault that is known, no other, and says when one is gone. */
const EXPECTED = new URL('../../interop/python-sdk.expected-failures.json', import.meta.url);

const python = await installPythonSdk();
const where = ['{host}', '{port}', '{org}', '{unit}', '{agentId}'];
const manifest = parseManifest(
  JSON.stringify({
    name: 'a2a-over-mqtt 0.1.0 (Python)',
    responder: {
      command: [python, 'tools/interop/conformance_agent.py', ...where, '{variant}'],
      offers: ['count', 'slow', 'progress', 'ask', 'fail'],
      variants: ['busy'],
    },
    requester: {
      command: [
        python,
        'tools/interop/conformance_requester.py',
        ...where,
        '{target}',
        '{operation}',
        '{text}',
        '{firstReplyTimeoutMs}',
        '{streamIdleTimeoutMs}',
      ],
      operations: ['send'],
      offers: ['outcome', 'timing'],
    },
  }),
);
const known = new Set(SCENARIOS.map(({ id }) => id));
const expectedFailures = parseExpectedFailures(await readFile(EXPECTED, 'utf8'), known);
// Not on the embedded broker: its registry refuses the SDK's default card, as EMQX's does.
const mosquitto = await startMosquitto();
try {
  const { report, verdict } = await runConformance({
    ...subjectOf(manifest),
    subjectName: manifest.name,
    broker: mosquitto.url,
    roles: ['responder', 'requester'],
    timeoutMs: 3_000,
    concurrency: 5,
    expectedFailures,
    onResult: ({ id, status, durationMs }) => process.stderr.write(`${status} ${id} ${durationMs} ms\n`),
  });
  console.log(reportAsText(report, verdict, { all: false }));
  assert(verdict.ok, 'the faults found are not those that are known');
} finally {
  await mosquitto.stop();
}
