import type { Leaf, OptionSpec } from '../program/leaf.ts';

const WORKFLOW: OptionSpec = {
  flags: '--workflow <file>',
  description: 'a workflow file; may be repeated',
  repeat: true,
};
const BLUEPRINTS: OptionSpec = {
  flags: '--blueprints <module>',
  description: 'a JavaScript module that exports the lists `blueprints` and `agents`',
};

const SPAWNER: OptionSpec = {
  flags: '--spawner <kind>',
  description:
    'where steps run: a process each (default), all in this one (in-process), or a JavaScript module that exports `spawner`',
  suggestions: ['process', 'in-process'],
};

/** Commands that run until they are stopped. */
export const processes: readonly Leaf[] = [
  {
    name: 'dev',
    summary:
      'run a small fleet here: a broker, simulated devices with agents, and the workflows of this project',
    streams: true,
    untilStopped: true,
    options: [
      { flags: '--devices <n>', description: 'simulated devices, each with an agent; default 4' },
      { flags: '--speed <x>', description: 'device seconds in a second, default 1' },
      { flags: '--port <port>', description: 'of the broker on 127.0.0.1, default 1883; 0 takes a free one' },
      { flags: '--ws-port <port>', description: 'for browsers; default none' },
      { flags: '--data <folder>', description: 'keep everything there; default in memory' },
      WORKFLOW,
      BLUEPRINTS,
      { flags: '--org <id>', description: 'organisation in every topic, default acme (SHOAL_ORG)' },
      { flags: '--unit <id>', description: 'unit in every topic, default plant-1 (SHOAL_UNIT)' },
      {
        flags: '--config <file>',
        description: 'configuration file, default shoal.config.json (SHOAL_CONFIG)',
      },
    ],
    examples: ['shoal dev', 'shoal dev --devices 0 --workflow flow.yaml --blueprints steps.js'],
    load: async () => (await import('./dev.ts')).dev,
  },
  {
    name: 'broker',
    args: '[arguments...]',
    summary: 'run the embedded broker: the flags are those of shoal-broker (shoal broker --help)',
    untilStopped: true,
    passThrough: true,
    examples: ['shoal broker --port 1883 --data ./broker-data --config broker.json'],
    load: async () => (await import('./program.ts')).program('@shoal/broker/command'),
  },
  {
    name: 'supervisor',
    summary: 'turn requests into sessions, and spawn their steps and agents',
    connects: true,
    untilStopped: true,
    options: [
      WORKFLOW,
      BLUEPRINTS,
      {
        flags: '--spawner <kind>',
        description:
          'where steps run: a process each (default), all in this one (in-process), on the hosts of the unit (shoal host), or a JavaScript module that exports `spawner`',
        suggestions: ['process', 'in-process', 'hosts'],
      },
    ],
    examples: ['shoal supervisor --org acme --unit plant-1 --workflow flow.yaml --blueprints steps.js'],
    load: async () => (await import('./supervisor.ts')).supervisor,
  },
  {
    name: 'host',
    summary: 'take spawn orders of the supervisors of a unit: more machines are more hosts',
    connects: true,
    streams: true,
    untilStopped: true,
    shape: 'host',
    options: [
      BLUEPRINTS,
      { flags: '--id <id>', description: 'default the name of this machine' },
      { flags: '--label <name=value>', description: 'what steps may ask for; may be repeated', repeat: true },
      { flags: '--capacity <n>', description: 'places; default 25 for each core' },
      { flags: '--warm <n>', description: 'processes that are started ahead, default 0' },
      {
        flags: '--drain <seconds>',
        description: 'how long to wait for what runs when told to stop, default 30',
      },
      SPAWNER,
    ],
    examples: [
      'shoal host --org acme --unit plant-1 --blueprints steps.js --label site=north',
      'shoal host --blueprints steps.js --jsonl',
    ],
    load: async () => (await import('./host.ts')).host,
  },
  {
    name: 'conformance',
    args: '[arguments...]',
    summary: 'test an implementation of A2A over MQTT: the flags are those of shoal-conformance',
    untilStopped: true,
    passThrough: true,
    examples: ['shoal conformance --broker mqtt://127.0.0.1:1883 --role broker --json'],
    load: async () => (await import('./program.ts')).program('@shoal/conformance/command'),
  },
  {
    name: '__spawned',
    args: '[module]',
    summary: 'one step or agent; a supervisor starts it',
    hidden: true,
    untilStopped: true,
    passThrough: true,
    examples: [],
    load: async () => (await import('./supervisor.ts')).spawned,
  },
];
