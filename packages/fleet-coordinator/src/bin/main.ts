#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { startFleetCoordinator } from '../io/coordinator-agent.ts';
import { CoordinatorError } from '../errors.ts';

const USAGE = `shoal-fleet-coordinator [--planner ID] [--production FILE] [--url URL] [--org ORG] [--unit UNIT] [--id ID]

  --planner ID       agent id of the maintenance planner in the same unit, default maintenance-planner
  --production FILE  JSON with fields of the production plan: demandPercentByHour, valuePerHour, fixedCostPerHour, campaigns
  --url URL          default BROKER_URL, else mqtt://127.0.0.1:1883; user and password from BROKER_USERNAME, BROKER_PASSWORD
  --org, --unit      default acme, plant-1
  --id ID            default fleet-coordinator
`;

function readJson(file: string | undefined): unknown {
  if (file === undefined) return undefined;
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new CoordinatorError('usage', `${file}: ${(error as Error).message}`, { cause: error });
  }
}

function readOptions() {
  const text = { type: 'string' } as const;
  const flags = { planner: text, production: text, url: text, org: text, unit: text, id: text };
  try {
    const { values } = parseArgs({ options: { ...flags, help: { type: 'boolean' } } });
    return values;
  } catch (error) {
    throw new CoordinatorError('usage', `${(error as Error).message}\n\n${USAGE}`, { cause: error });
  }
}

async function run(): Promise<void> {
  const { planner, production, url, org, unit, id, help } = readOptions();
  if (help === true) return void process.stdout.write(USAGE);
  const { BROKER_URL, BROKER_USERNAME: username, BROKER_PASSWORD: password } = process.env;
  const coordinator = await startFleetCoordinator({
    url: url ?? BROKER_URL ?? 'mqtt://127.0.0.1:1883',
    org: org ?? 'acme',
    unit: unit ?? 'plant-1',
    ...(id === undefined ? {} : { agentId: id }),
    ...(planner === undefined ? {} : { planner }),
    ...(production === undefined ? {} : { production: readJson(production) as object }),
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
  });
  process.stdout.write(`${Object.values(coordinator.address).join('/')} is online\n`);
  let stopping: Promise<void> | undefined;
  const stop = (): void => {
    stopping ??= coordinator.stop().then(() => process.exit(0));
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
}

try {
  await run();
} catch (error) {
  process.stderr.write(
    `shoal-fleet-coordinator: ${error instanceof Error ? error.message : String(error)}\n`,
  );
  process.exitCode = 1;
}
