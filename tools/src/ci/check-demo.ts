import { startMosquitto } from '@shoal/mqtt-link/testing';
import { assert, sourceArgs, startCommand } from './run-command.ts';

/** `pnpm demo --json` has to print one document that tells of a real finding and of the work order that came of it. */
interface DemoDocument {
  ok: boolean;
  reason?: string;
  devices: { deviceId: string; presence: string }[];
  anomalies: { deviceId: string; channels: unknown[] }[];
  sessions: { state: string; steps: { id: string; state: string; attempts: number }[] }[];
  workOrder: { deviceId: string; finding: { verdict: string }; technicians: { id: string }[] } | null;
}

const flags = process.argv.slice(2);
const mosquitto = flags.includes('--mosquitto') ? await startMosquitto() : undefined;
try {
  const args = ['--once', '--json', '--timeout', '150', ...flags.filter((flag) => flag !== '--mosquitto')];
  if (mosquitto !== undefined) args.push('--broker', mosquitto.url);
  const result = await startCommand(process.execPath, sourceArgs('apps/fleet/src/main.ts', ...args)).done;
  assert(result.code === 0, `exit code ${result.code}\n${result.stdout}\n${result.stderr.slice(-4000)}`);
  check(JSON.parse(result.stdout) as DemoDocument, result.stderr);
  console.log(result.stderr);
} finally {
  await mosquitto?.stop();
}

function check(document: DemoDocument, log: string): void {
  assert(document.ok, `ok is false: ${document.reason}`);
  assert(document.devices.length === 8, `8 devices expected, ${document.devices.length} seen`);
  const running = document.devices.filter(({ presence }) => presence !== 'offline');
  assert(
    running.length === 0,
    `agents not offline at the end: ${running.map(({ deviceId }) => deviceId).join(', ')}`,
  );
  const order = document.workOrder;
  assert(order !== null, 'no work order');
  const anomaly = document.anomalies.find(({ deviceId }) => deviceId === order.deviceId);
  assert(
    anomaly !== undefined && anomaly.channels.length > 0,
    `no anomaly with evidence for ${order.deviceId}`,
  );
  const session = document.sessions.find(({ state }) => state === 'completed');
  assert(session !== undefined, 'no completed session');
  const open = session.steps.filter(({ state }) => state !== 'completed');
  assert(
    open.length === 0,
    `steps that did not complete: ${open.map(({ id, state }) => `${id} ${state}`).join(', ')}`,
  );
  assert(order.technicians.length > 0, 'nobody is on the work order');
  assert(/to read and print: \S+\.html/.test(log), 'the log does not name the page of the work order');
  assert(
    /race|ball/.test(order.finding.verdict),
    `the verdict is ${order.finding.verdict}, a bearing fault was seeded`,
  );
}
