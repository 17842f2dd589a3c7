#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { startMaintenancePlanner } from '../io/planner-agent.ts';
import { PlannerError } from '../errors.ts';

const USAGE = `shoal-maintenance-planner --database FILE [--seed FILE] [--policy FILE] [--url URL] [--org ORG] [--unit UNIT] [--id ID]

  --database FILE  the embedded database; created when it is missing
  --seed FILE      JSON with parts, technicians and travel for a new database
  --policy FILE    JSON with fields of the planning policy
  --url URL        default BROKER_URL, else mqtt://127.0.0.1:1883; user and password from BROKER_USERNAME, BROKER_PASSWORD
  --org, --unit    default acme, plant-1
  --id ID          default maintenance-planner
`;

function readJson(file: string | undefined): unknown {
  if (file === undefined) return undefined;
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new PlannerError('usage', `${file}: ${(error as Error).message}`, { cause: error });
  }
}

function readOptions() {
  const text = { type: 'string' } as const;
  const flags = { database: text, seed: text, policy: text, url: text, org: text, unit: text, id: text };
  try {
    const { values } = parseArgs({ options: { ...flags, help: { type: 'boolean' } } });
    return values;
  } catch (error) {
    throw new PlannerError('usage', `${(error as Error).message}\n\n${USAGE}`, { cause: error });
  }
}

async function run(): Promise<void> {
  const { database, seed, policy, url, org, unit, id, help } = readOptions();
  if (help === true) return void process.stdout.write(USAGE);
  if (database === undefined) throw new PlannerError('usage', `--database is missing\n\n${USAGE}`);
  const { BROKER_URL, BROKER_USERNAME: username, BROKER_PASSWORD: password } = process.env;
  const planner = await startMaintenancePlanner({
    url: url ?? BROKER_URL ?? 'mqtt://127.0.0.1:1883',
    org: org ?? 'acme',
    unit: unit ?? 'plant-1',
    database,
    ...(id === undefined ? {} : { agentId: id }),
    ...(seed === undefined ? {} : { seed: readJson(seed) }),
    ...(policy === undefined ? {} : { policy: readJson(policy) as object }),
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
  });
  process.stdout.write(`${Object.values(planner.address).join('/')} is online\n`);
  let stopping: Promise<void> | undefined;
  const stop = (): void => {
    stopping ??= planner.stop().then(() => process.exit(0));
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
}

try {
  await run();
} catch (error) {
  process.stderr.write(
    `shoal-maintenance-planner: ${error instanceof Error ? error.message : String(error)}\n`,
  );
  process.exitCode = 1;
}
