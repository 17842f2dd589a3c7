import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { keepOrMakePasswords } from '../acl/credentials.ts';
import { emqxAcl, emqxUsers } from '../acl/emqx.ts';
import { mosquittoAcl, mosquittoConf, mosquittoPassword } from '../acl/mosquitto.ts';
import { principalsOf, readPlan, type FleetPlan, type Principal } from '../acl/principals.ts';
import { shoalConfig, shoalRules } from '../acl/shoal.ts';
import { readDevices } from '../connection/devices.ts';
import { openRegistry } from '../connection/registry.ts';
import { usageError } from '../errors.ts';
import type { Context } from '../program/context.ts';
import { implement } from '../program/leaf.ts';
import type { Acl } from '../shapes/acl.ts';
import { readJson } from './agents/card-file.ts';

interface AclFlags {
  readonly broker?: Acl['broker'];
  readonly fleet?: string;
  readonly fromBroker?: boolean;
  readonly device?: readonly string[];
  readonly agent?: readonly string[];
  readonly out?: string;
}

/** What each broker cannot hold a client to, said beside the rules instead of passed over. */
const LIMITS: Readonly<Record<Acl['broker'], readonly string[]>> = {
  mosquitto: [
    'client ids are not bound to users: whoever knows a password may take the client id of another client, which ends that connection',
    'the retain flag is not looked at: who may publish on a topic may also retain there',
    'a subscription is granted whatever it names; what it may not read is not delivered',
  ],
  emqx: [
    'the syntax of acl.conf was checked, and no EMQX has run with it',
    'client ids are not bound to users by these rules: bind them in the authenticator',
  ],
  shoal: [],
};

const MCP_LIMIT =
  'MCP over MQTT names no unit in the presence topics of its clients: a device may see client ids of other units, and nothing else of them';

export const acl = implement<Acl>({
  async run(context, _args, given) {
    const flags = given as AclFlags;
    const broker = flags.broker ?? 'shoal';
    const principals = principalsOf(await planOf(context, flags));
    const rules = rulesOf(broker, principals);
    const written =
      flags.out === undefined
        ? { files: [], passwordsMade: 0 }
        : await writeFiles(broker, principals, rules, resolve(context.io.cwd, flags.out));
    return {
      broker,
      principals: principals.map((one) => ({
        ...one,
        clientIds: [...one.clientIds],
        grants: [...one.grants],
      })),
      rules,
      ...written,
      limits: [...LIMITS[broker], MCP_LIMIT],
    };
  },
  text({ rules, files, passwordsMade, limits, principals }, style) {
    if (files.length === 0) return rules;
    const known = limits.map((limit) => style.warn(`limit    ${limit}\n`));
    const made = `${principals.length} users, ${passwordsMade} of them with a new password\n`;
    return `${files.map((file) => `written  ${file}\n`).join('')}${made}${known.join('')}`;
  },
});

function rulesOf(broker: Acl['broker'], principals: readonly Principal[]): string {
  if (broker === 'mosquitto') return mosquittoAcl(principals);
  if (broker === 'emqx') return emqxAcl(principals);
  return `${JSON.stringify({ rules: shoalRules(principals) }, undefined, 2)}\n`;
}

async function planOf(context: Context, flags: AclFlags): Promise<FleetPlan> {
  if (flags.fleet !== undefined) return readPlan(await readJson(context, flags.fleet));
  if (flags.fromBroker === true) return planFromBroker(context);
  const { org, unit } = context.settings;
  if (org === undefined || unit === undefined)
    throw usageError('say --org and --unit with --device and --agent, or --fleet FILE, or --from-broker');
  return readPlan({ units: [{ org, unit, devices: flags.device ?? [], agents: flags.agent ?? [] }] });
}

/** The devices and agents that are registered now. */
async function planFromBroker(context: Context): Promise<FleetPlan> {
  const link = await context.connect();
  const devices = await readDevices(context, link);
  const agents = (await openRegistry(context, link)).agents();
  const units = new Map<string, { org: string; unit: string; devices: string[]; agents: string[] }>();
  const unitOf = ({ org, unit }: { readonly org: string; readonly unit: string }) => {
    const entry = units.get(`${org}/${unit}`) ?? { org, unit, devices: [], agents: [] };
    units.set(`${org}/${unit}`, entry);
    return entry;
  };
  for (const device of devices) unitOf(device).devices.push(device.deviceId);
  for (const { address } of agents) {
    const unit = unitOf(address);
    if (!unit.devices.includes(address.agentId)) unit.agents.push(address.agentId);
  }
  return readPlan({ units: [...units.values()] });
}

async function writeFiles(
  broker: Acl['broker'],
  principals: readonly Principal[],
  rules: string,
  folder: string,
): Promise<Pick<Acl, 'files' | 'passwordsMade'>> {
  await mkdir(folder, { recursive: true });
  const secretFile = join(folder, 'credentials.json');
  const { passwords, made } = await keepOrMakePasswords(
    secretFile,
    principals.map(({ user }) => user),
  );
  const files = new Map<string, { readonly text: string; readonly secret: boolean }>();
  const add = (name: string, text: string, secret: boolean): void =>
    void files.set(join(folder, name), { text, secret });
  add('credentials.json', `${JSON.stringify(passwords, undefined, 2)}\n`, true);
  if (broker === 'mosquitto') {
    add('acl', rules, false);
    const lines = Object.entries(passwords).map(([user, password]) => mosquittoPassword(user, password));
    add('passwd', `${lines.join('\n')}\n`, true);
    add('mosquitto.conf', mosquittoConf(folder), false);
  } else if (broker === 'emqx') {
    add('acl.conf', rules, false);
    add('users.csv', emqxUsers(passwords), true);
  } else {
    add('broker.json', await shoalConfig(principals, passwords), true);
  }
  for (const [path, { text, secret }] of files) {
    await writeFile(path, text, { mode: secret ? 0o600 : 0o644 });
    // A file that was there keeps its mode otherwise.
    await chmod(path, secret ? 0o600 : 0o644);
  }
  return { files: [...files.keys()], passwordsMade: made };
}
