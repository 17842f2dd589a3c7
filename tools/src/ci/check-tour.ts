import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { assert } from './run-command.ts';
import { Shell, startDev } from './tour/shell.ts';

/**
 * A tour of the command line against a fleet of 50 devices, an agent for each, one of them faulty: every group of commands in a process of its own,
 * with exit codes, one document on standard output for `--json`, and messages that name the mend.
 */
const DEVICES = 50;
const started = performance.now();
const folder = await mkdtemp(join(tmpdir(), 'shoal-tour-'));
const place = (file: string): string => fileURLToPath(new URL(`tour/${file}`, import.meta.url));
const workflowFile = place('release.yaml');
const dev = await startDev([
  '--devices',
  String(DEVICES),
  '--speed',
  '2',
  '--workflow',
  workflowFile,
  '--blueprints',
  place('blueprints.ts'),
]);
const shell = new Shell({
  SHOAL_BROKER_URL: dev.url,
  SHOAL_ORG: 'acme',
  SHOAL_UNIT: 'plant-1',
  USER: 'lea',
  SHOAL_TIMEOUT: '60',
});

try {
  await doctor();
  await agents();
  await asking();
  await workflowsAndSessions();
  await devices();
  await traces();
  await access();
  await mistakes();
} finally {
  await dev.stop();
  await rm(folder, { recursive: true, force: true });
}
await shell.fails(['agents', 'list', '--timeout', '3'], 5, /is the broker running/, /127\.0\.0\.1/);
console.log(
  `${shell.runs} processes of shoal, ${DEVICES} devices, ${Math.round((performance.now() - started) / 1000)} s`,
);

/** An open broker is an error, and the doctor says how to mend it. */
async function doctor(): Promise<void> {
  const seen = await shell.json<{ ok: boolean; checks: { severity: string; fix: string | null }[] }>(
    ['doctor'],
    { code: 1 },
  );
  const errors = seen.checks.filter(({ severity }) => severity === 'error');
  assert(!seen.ok && errors.length === 1, `one error, an open broker: ${JSON.stringify(errors)}`);
  assert(errors[0]?.fix, 'the error has no fix');
}

async function agents(): Promise<void> {
  const list = await shell.json<{ agents: { agentId: string; presence: { state: string } }[] }>([
    'agents',
    'list',
  ]);
  const online = list.agents.filter(({ presence }) => presence.state === 'online');
  assert(online.length === DEVICES + 1, `${online.length} agents online, ${DEVICES} and a workflow expected`);
  await shell.run(['agents', 'list'], { says: [/pump-01\s.*online/] });
  const stats = await shell.json<{ total: number }>(['agents', 'stats']);
  assert(stats.total === DEVICES + 1, `${stats.total} in the statistics`);
  const { card } = await shell.json<{ card: unknown }>(['agents', 'get', 'pump-01']);
  const file = join(folder, 'card.json');
  await writeFile(file, JSON.stringify(card).replaceAll('pump-01', 'by-hand'));
  const watching = shell.start(['agents', 'watch', '--count', String(DEVICES + 2), '--json']);
  await shell.json(['agents', 'register', 'acme/plant-1/by-hand', file]);
  const watched = shell.document<{ events: { agentId: string; kind: string }[] }>(
    ['agents', 'watch'],
    await watching.done,
  );
  assert(
    watched.events.some(({ agentId, kind }) => agentId === 'by-hand' && kind === 'registered'),
    'the watcher has not seen the card come',
  );
  await shell.json(['agents', 'lint', file, '--as', 'acme/plant-1/by-hand']);
  await shell.json(['agents', 'delete', 'by-hand']);
  await shell.fails(['agents', 'get', 'by-hand'], 3, /by-hand/);
}

async function asking(): Promise<void> {
  await shell.run(['ask', 'pump-01', 'How are you?'], { says: [/--context/] });
  const answer = await shell.json<{ state: string; contextId: string }>([
    'ask',
    'pump-01',
    '--data',
    '{"skill":"status"}',
  ]);
  assert(answer.state === 'TASK_STATE_COMPLETED', `asking ended in ${answer.state}`);
  await shell.fails(['ask', 'nobody', 'hello'], 3, /nobody/, /agents list/);
}

async function workflowsAndSessions(): Promise<void> {
  await shell.json(['workflow', 'validate', workflowFile]);
  const broken = join(folder, 'broken.yaml');
  await writeFile(
    broken,
    (await readFile(workflowFile, 'utf8')).replace('needs: [inspect]', 'needs: [inspekt]'),
  );
  await shell.run(['workflow', 'validate', broken], { code: 1, says: [/broken\.yaml:\d+:\d+/, /inspekt/] });
  await shell.run(['workflow', 'plan', workflowFile], { says: [/inspect/, /release/] });
  const listed = await shell.json<{ workflows: { workflowId: string }[] }>(['workflow', 'list']);
  assert(
    listed.workflows.some(({ workflowId }) => workflowId === 'release'),
    'the workflow is not listed',
  );
  const { sessionId } = await shell.json<{ sessionId: string }>([
    'workflow',
    'run',
    'release',
    '--var',
    'device=pump-02',
    '--no-wait',
  ]);
  const short = sessionId.slice(0, 8);
  await shell.run(['session', 'watch', short, '--count', '4'], { says: [/inspect/] });
  const open = await untilAsked(short);
  assert(open.approvals[0]?.prompt === 'Release pump-02?', `asked ${JSON.stringify(open.approvals)}`);
  await shell.fails(['session', 'purge', short], 8, /has not ended/, /session cancel/);
  await shell.json(['session', 'approve', short, '--by', 'n.okafor', '--reason', 'looks well']);
  await shell.run(['session', 'watch', short], { says: [/completed/] });
  await shell.run(['session', 'show', short], { says: [/completed/, /the device is released/] });
  const again = await shell.json<{ sessionId: string; from: string }>(['session', 'rerun', short, 'release']);
  assert(again.from === 'release' && again.sessionId !== sessionId, JSON.stringify(again));
  await shell.run(['session', 'watch', again.sessionId], { says: [/completed/] });
  await shell.json(['session', 'purge', short]);
  const left = await shell.json<{ sessions: { sessionId: string }[] }>(['session', 'list']);
  assert(
    left.sessions.some((row) => row.sessionId === again.sessionId),
    'the second run is not listed',
  );
  await shell.fails(['session', 'show', 'ffffffff'], 3, /ffffffff/, /session list/);
}

interface Detail {
  readonly session: { readonly state: string };
  readonly approvals: readonly { readonly prompt: string }[];
}

async function untilAsked(session: string): Promise<Detail> {
  for (let looks = 0; looks < 30; looks += 1) {
    const detail = await shell.json<Detail>(['session', 'show', session]);
    if (detail.approvals.length > 0) return detail;
  }
  throw new Error(`${session} asks nobody`);
}

async function devices(): Promise<void> {
  const list = await shell.json<{ devices: unknown[] }>(['devices', 'list']);
  assert(list.devices.length === DEVICES, `${list.devices.length} devices listed`);
  const watched = await shell.json<{ samples: unknown[] }>(['devices', 'watch', 'pump-01', '--count', '3']);
  assert(watched.samples.length === 3, `${watched.samples.length} samples`);
  await shell.json(['devices', 'tools', 'pump-01']);
  await shell.json(['devices', 'call', 'pump-01', 'describe']);
  const speed = ['devices', 'call', 'pump-01', 'set_speed', '--args', '{"rpm":1200}'];
  await shell.fails(speed, 2, /--yes/);
  const called = await shell.json<{ ok: boolean; via: string }>([...speed, '--yes']);
  assert(called.ok && called.via === 'agent', `the order went ${JSON.stringify(called)}`);
  await shell.fails(['devices', 'call', 'pump-01', 'fly'], 3, /fly/);
}

async function traces(): Promise<void> {
  const file = join(folder, 'wire.jsonl');
  const recording = shell.start([
    'trace',
    '--kind',
    'telemetry',
    '--record',
    file,
    '--count',
    '20',
    '--json',
  ]);
  const recorded = shell.document<{ entries: unknown[] }>(['trace'], await recording.done);
  assert(recorded.entries.length === 20, `${recorded.entries.length} entries recorded`);
  const replayed = await shell.json<{ entries: unknown[] }>(['trace', '--replay', file]);
  assert(replayed.entries.length === 20, `${replayed.entries.length} entries replayed`);
  await shell.fails(['trace', '--send'], 2, /--replay/);
}

async function access(): Promise<void> {
  for (const broker of ['mosquitto', 'emqx', 'shoal']) {
    const { principals, rules } = await shell.json<{ principals: { user: string }[]; rules: string }>([
      'acl',
      '--broker',
      broker,
      '--from-broker',
    ]);
    const users = principals.filter(({ user }) => /pump-|hvac-/.test(user));
    assert(users.length >= DEVICES * 2, `${users.length} users for devices and their agents`);
    assert(rules.includes('pump-01'), `the rules for ${broker} do not name pump-01`);
  }
}

async function mistakes(): Promise<void> {
  await shell.fails(['agents', 'lisst'], 2, /list/);
  await shell.fails(['session', 'list', '--state', 'asleep'], 2, /running/);
  await shell.fails(['agents', 'list', '--broker', 'http://127.0.0.1'], 2, /mqtt:\/\//);
  await shell.run(['schema', 'session.show'], { says: [/approvals/] });
  await shell.run(['--help'], { says: [/agents/, /doctor/] });
}
