import { randomUUID } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openLink, type Link } from '@shoal/mqtt-link';
import { startFaultProxy } from '@shoal/mqtt-link/testing';
import { agentTopics } from '@shoal/protocol';
import { bundle } from '../bench/bundle.ts';
import { percentile } from '../bench/statistics.ts';
import { endOf } from '../shapes/end-of.ts';
import { SCENARIOS, WANTED_AGENT } from '../shapes/scenarios.ts';
import { createRandom, type Random } from '../simulate/core/random.ts';
import { Caller, type Asked } from './callers.ts';
import { injectFaults } from './faults.ts';
import { parseChaosOptions, UsageError, type ChaosOptions } from './options.ts';
import { findInstances, Kept, signal } from './processes.ts';
import { Recoveries } from './recoveries.ts';
import { ORG, ROLE_VARIABLE, RUN_VARIABLE, UNIT, type EffectLine } from './run.ts';
import { judge } from './verdict.ts';

/** After the last fault: how long sessions may take to end. */
const CALM_AT_ONCE = 3;
const PATIENCE_MS = 120_000;

/** Exit code 1: something was lost, done twice, or ended otherwise. 2: wrong command line. One document on stdout. */
async function main(args: readonly string[]): Promise<void> {
  const options = parseChaosOptions(args);
  if (process.platform !== 'linux') throw new UsageError('pnpm chaos finds its victims in /proc: Linux only');
  const report = await run(options);
  if (options.json) process.stdout.write(`${JSON.stringify(report, undefined, 2)}\n`);
  else
    for (const [name, value] of Object.entries(report))
      process.stdout.write(`${name}: ${JSON.stringify(value)}\n`);
  if (report.lost > 0 || report.duplicated > 0 || report.wrong.length > 0) process.exitCode = 1;
}

async function run({ minutes, seed, sessions }: ChaosOptions) {
  const random = createRandom(seed);
  const folder = mkdtempSync(join(tmpdir(), 'shoal-chaos-'));
  const fleet = await startFleet(folder, random);
  const note = (text: string): void => void process.stderr.write(`${text}\n`);
  try {
    const link = await openLink({
      url: fleet.directUrl,
      clientId: `${ORG}/${UNIT}/watch`,
      retryInitial: true,
    });
    const recoveries = new Recoveries();
    await recoveries.watch(link);
    await wantAgent(link);
    const caller = await Caller.open(fleet.url);
    const patience = new AbortController();
    setMaxListeners(0, patience.signal);
    note('each workflow once, undisturbed');
    // A few at a time: each step is a process, and on a slow machine all at once would be no calm.
    const calm: Asked[] = [];
    for (let from = 0; from < SCENARIOS.length; from += CALM_AT_ONCE) {
      const few = SCENARIOS.slice(from, from + CALM_AT_ONCE);
      calm.push(...(await Promise.all(few.map((scenario) => caller.ask(scenario, patience.signal)))));
    }
    const undisturbed = new Map(calm.map(({ scenario, task }) => [scenario.id, endOf(task!)]));

    note(`${minutes} minutes of faults, seed ${seed}`);
    const faultsEnd = AbortSignal.timeout(minutes * 60_000);
    const asking = Array.from({ length: sessions }, async () => {
      while (!faultsEnd.aborted) await caller.ask(random.pick(SCENARIOS), patience.signal);
    });
    const faults = await injectFaults(
      { ...fleet, onKilled: (instance) => recoveries.onDeath(instance) },
      random,
      faultsEnd,
    );
    fleet.calm();
    note('no more faults: the open sessions have to end');
    const timer = setTimeout(() => patience.abort(), PATIENCE_MS);
    await Promise.all(asking);
    clearTimeout(timer);
    await caller.close();
    await link.close();
    const verdict = judge(caller.asked.slice(calm.length), readEffects(fleet.effects), undisturbed);
    return { ...verdict, recoveryMs: summary(recoveries.milliseconds), faults, minutes, seed };
  } finally {
    fleet.end();
    rmSync(folder, { recursive: true });
  }
}

/** A long-lived agent, as a victim too. */
async function wantAgent(link: Link): Promise<void> {
  const desired = { schemaVersion: 1, agentId: WANTED_AGENT, blueprint: WANTED_AGENT, state: 'running' };
  const { desired: topic } = agentTopics({ org: ORG, unit: UNIT, agentId: WANTED_AGENT });
  await link.publish(topic, JSON.stringify(desired), { qos: 1, retain: true });
}

async function startFleet(folder: string, random: Random) {
  const runId = randomUUID();
  const effects = join(folder, 'effects');
  writeFileSync(effects, '');
  const file = await bundle(new URL('worker.ts', import.meta.url));
  const kept: Kept[] = [];
  const keep = (role: string, env: Record<string, string>): Kept => {
    const all = { [RUN_VARIABLE]: runId, [ROLE_VARIABLE]: role, SHOAL_CHAOS_EFFECTS: effects, ...env };
    const process = new Kept(role, file, all, () => random.between(100, 1_500));
    kept.push(process);
    return process;
  };
  const broker = keep('broker', { SHOAL_CHAOS_DATA: join(folder, 'broker') });
  const { url: directUrl = '' } = await broker.start();
  const { port } = new URL(directUrl);
  broker.setEnv('SHOAL_CHAOS_PORT', port);
  const proxy = await startFaultProxy({ host: '127.0.0.1', port: Number(port) });
  const env = { SHOAL_CHAOS_URL: proxy.url };
  const supervisors = [keep('supervisor', env), keep('supervisor', { ...env, SHOAL_CHAOS_INSIDE: '1' })];
  const deviceAgent = keep('device-agent', env);
  const hosts = ['host-0', 'host-1'].map((id) => keep('host', { ...env, SHOAL_CHAOS_HOST: id }));
  await Promise.all([...supervisors, deviceAgent, ...hosts].map((process) => process.start()));
  return {
    runId,
    effects,
    url: proxy.url,
    directUrl,
    proxy,
    broker,
    supervisors,
    deviceAgent,
    hosts,
    /** Whoever is stopped goes on. */
    calm() {
      proxy.release();
      for (const { pid } of [...kept, ...findInstances(runId)]) if (pid !== undefined) signal(pid, 'SIGCONT');
    },
    end() {
      for (const process of kept) process.end();
      for (const { pid } of findInstances(runId)) signal(pid, 'SIGKILL');
      void proxy.stop();
    },
  };
}

function readEffects(file: string): EffectLine[] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as EffectLine);
}

function summary(milliseconds: readonly number[]) {
  if (milliseconds.length === 0) return { count: 0, p50: null, p99: null };
  const of = (share: number): number => Math.round(percentile(milliseconds, share));
  return { count: milliseconds.length, p50: of(0.5), p99: of(0.99) };
}

try {
  await main(process.argv.slice(2));
  process.exit();
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exit(2);
}
