import type { Group, Leaf } from '../program/leaf.ts';
import { agents } from './agents/index.ts';
import { COLLECT_OPTIONS } from './collect-options.ts';
import { devices } from './devices/index.ts';
import { processes } from './processes.ts';
import { session } from './session/index.ts';
import { workflow } from './workflow/index.ts';

const ask: Leaf = {
  name: 'ask',
  args: '<agent> [text...]',
  summary: 'ask an agent, and show the answer as it comes',
  connects: true,
  shape: 'ask',
  streams: true,
  options: [
    { flags: '--context <id>', description: 'go on in this conversation' },
    { flags: '--task <uuid>', description: 'go on with this task, which asked for more' },
    { flags: '--data <json>', description: 'data to send along, or instead of a text' },
    { flags: '--no-stream', description: 'one answer at the end' },
  ],
  examples: [
    'shoal ask pump-01 "How are you?"',
    'shoal ask acme/plant-1/pump-01 "And since when?" --context 6f…',
    `shoal ask pump-01 --data '{"skill":"status"}' --json | jq .artifacts`,
  ],
  load: async () => (await import('./ask.ts')).ask,
};

const doctor: Leaf = {
  name: 'doctor',
  summary: 'examine the broker: what it can do, who may get in, whether units are isolated',
  connects: true,
  shape: 'doctor',
  options: [
    {
      flags: '--other-username <name>',
      description: 'a credential of another unit, to prove that nothing crosses',
    },
    { flags: '--other-password-file <file>', description: 'its password (or SHOAL_OTHER_PASSWORD)' },
    { flags: '--other-org <id>', description: 'its organisation; default the same' },
    { flags: '--other-unit <id>', description: 'its unit' },
  ],
  examples: [
    'shoal doctor --broker mqtts://broker.example',
    'shoal doctor -u acme.plant-1.operator --password-file p1 --org acme --unit plant-1 \\\n      --other-username acme.plant-2.operator --other-password-file p2 --other-unit plant-2',
  ],
  load: async () => (await import('./doctor.ts')).doctor,
};

const acl: Leaf = {
  name: 'acl',
  urlFlag: 'url',
  summary: 'write users and access rules for a fleet, from the specification of the topics',
  connects: true,
  shape: 'acl',
  options: [
    {
      flags: '--broker <kind>',
      description: 'whose rules, default shoal',
      choices: ['emqx', 'mosquitto', 'shoal'],
    },
    { flags: '--url <url>', description: 'of the broker that --from-broker reads (SHOAL_BROKER_URL)' },
    {
      flags: '--fleet <file>',
      description: 'JSON: { "units": [{ "org", "unit", "devices": [], "agents": [] }] }',
    },
    { flags: '--from-broker', description: 'the devices and agents that are registered now' },
    { flags: '--device <id>', description: 'a device of --org and --unit; may be repeated', repeat: true },
    { flags: '--agent <id>', description: 'a further agent there; may be repeated', repeat: true },
    {
      flags: '--out <folder>',
      description: 'write files, with new passwords for users that have none; else print the rules',
    },
  ],
  examples: [
    'shoal acl --broker mosquitto --fleet fleet.json --out /etc/mosquitto/shoal',
    'shoal acl --broker emqx --org acme --unit plant-1 --device pump-01 --device pump-02',
  ],
  load: async () => (await import('./acl.ts')).acl,
};

const trace: Leaf = {
  name: 'trace',
  summary: 'show what goes over the wire, in words; record it, and show or send a recording',
  connects: true,
  shape: 'trace',
  streams: true,
  untilStopped: true,
  options: [
    ...COLLECT_OPTIONS,
    {
      flags: '--filter <filter>',
      description: 'MQTT topic filter; may be repeated; default the unit',
      repeat: true,
    },
    {
      flags: '--kind <kind>',
      description: 'request, reply, card, status, result, telemetry, mcp, …; may be repeated',
      repeat: true,
    },
    { flags: '--of <id>', description: 'only of this agent, device, step or session' },
    { flags: '--payload', description: 'topics and payloads too' },
    { flags: '--retained', description: 'what is kept already, too' },
    {
      flags: '--record <file>',
      description: 'write it into a file, a JSON document a line, for your eyes only',
    },
    { flags: '--replay <file>', description: 'show a recording instead of the wire' },
    { flags: '--speed <x>', description: 'with --replay: times as fast as it went; default 0, at once' },
    { flags: '--send', description: 'with --replay: publish it, too' },
  ],
  examples: [
    'shoal trace --kind request --kind reply',
    'shoal trace --of pump-01 --record pump-01.jsonl',
    'shoal trace --replay pump-01.jsonl --kind request --payload',
  ],
  load: async () => (await import('./trace.ts')).trace,
};

const create: Leaf = {
  name: 'create',
  args: '<kind> <name>',
  completes: ['agent', 'workflow', 'device', 'fleet'],
  summary: 'start a project: agent, workflow, device or fleet',
  shape: 'create',
  options: [
    {
      flags: '--dir <folder>',
      description: 'where to; default a folder of that name, which must be missing or empty',
    },
    { flags: '--org <id>', description: 'organisation in every topic (SHOAL_ORG)' },
    { flags: '--unit <id>', description: 'unit in every topic (SHOAL_UNIT)' },
  ],
  examples: ['shoal create agent pump-inspector', 'shoal create fleet my-plant --org acme --unit plant-1'],
  load: async () => (await import('./create.ts')).create,
};

const bench: Leaf = {
  name: 'bench',
  summary: 'measure a broker from here: acknowledgements, rate, and A2A requests',
  connects: true,
  shape: 'bench',
  options: [
    { flags: '--seconds <s>', description: 'for each measurement, default 3' },
    { flags: '--payload <bytes>', description: 'of each message, default 500' },
  ],
  examples: ['shoal bench --broker mqtts://broker.example --seconds 10'],
  load: async () => (await import('./bench.ts')).bench,
};

const completion: Leaf = {
  name: 'completion',
  args: '<shell>',
  completes: ['bash', 'zsh', 'fish'],
  summary: 'print the completion script for bash, zsh or fish',
  examples: ['eval "$(shoal completion bash)"', 'shoal completion fish | source'],
  load: async () => (await import('./completion.ts')).completion,
};

const completeWords: Leaf = {
  name: '__complete',
  args: '[word...]',
  summary: 'what may stand in the place of the last word',
  hidden: true,
  passThrough: true,
  examples: [],
  load: async () => (await import('./completion.ts')).completeWords,
};

const schema: Leaf = {
  name: 'schema',
  args: '[name]',
  summary: 'print the JSON Schema of what --json prints',
  examples: ['shoal schema', 'shoal schema session.show'],
  load: async () => (await import('./schema.ts')).schema,
};

/** Every command, in the order of the help. */
export const COMMANDS: readonly (Leaf | Group)[] = [
  ...processes,
  agents,
  ask,
  workflow,
  session,
  devices,
  trace,
  doctor,
  acl,
  create,
  bench,
  schema,
  completion,
  completeWords,
];
