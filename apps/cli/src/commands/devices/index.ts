import type { Group, OptionSpec } from '../../program/leaf.ts';
import { COLLECT_OPTIONS } from '../collect-options.ts';

const APPROVAL_OPTIONS: readonly OptionSpec[] = [
  { flags: '--args <json>', description: 'arguments of the call, word for word, as a JSON object' },
  { flags: '--within <seconds>', description: 'how long it stands, default 900, at most 3600' },
  { flags: '--id <id>', description: 'that a call names it by; default a new one' },
  { flags: '--by <name>', description: 'whose word it is' },
  { flags: '--reason <text>', description: 'for the record' },
  { flags: '--signing-key <file>', description: 'private key of --by, as JWK: signs it' },
  { flags: '--kid <id>', description: 'what the device knows the key by; default the kid of the key' },
];

export const devices: Group = {
  name: 'devices',
  summary: 'devices: their telemetry and their tools',
  commands: [
    {
      name: 'list',
      summary: 'list the devices that announce tools',
      connects: true,
      shape: 'devices.list',
      examples: ['shoal devices list --unit plant-1'],
      load: async () => (await import('./list.ts')).list,
    },
    {
      name: 'watch',
      args: '[device]',
      summary: 'show telemetry as it comes, of one device or of all',
      connects: true,
      shape: 'devices.watch',
      streams: true,
      untilStopped: true,
      options: [
        ...COLLECT_OPTIONS,
        { flags: '--channel <name>', description: 'only this channel; may be repeated', repeat: true },
      ],
      examples: [
        'shoal devices watch acme/plant-1/pump-01',
        'shoal devices watch --channel pressure --count 10 --json',
      ],
      load: async () => (await import('./watch.ts')).watch,
    },
    {
      name: 'tools',
      args: '<device>',
      summary: 'list the tools of a device, with their risk',
      connects: true,
      shape: 'devices.tools',
      examples: ['shoal devices tools pump-01'],
      load: async () => (await import('./call.ts')).tools,
    },
    {
      name: 'call',
      args: '<device> <tool>',
      summary: 'call a tool; what acts on the device goes through its agent',
      connects: true,
      shape: 'devices.call',
      options: [
        { flags: '--args <json>', description: 'arguments of the tool, as a JSON object' },
        { flags: '--yes', description: 'do it: needed for tools that change something' },
        { flags: '--approval <id>', description: 'of a person, for a tool that needs one' },
        { flags: '--direct', description: "past the device's agent, which then does not know of it" },
      ],
      examples: [
        'shoal devices call pump-01 describe',
        `shoal devices call pump-01 set_speed --args '{"rpm":1200}' --yes`,
      ],
      load: async () => (await import('./call.ts')).call,
    },
    {
      name: 'approve',
      args: '<device> <tool>',
      summary: 'approve one call of a tool whose risk needs it: these arguments, for a while, once',
      connects: true,
      shape: 'devices.approval',
      options: APPROVAL_OPTIONS,
      examples: [
        'shoal devices approve pump-01 stop --by ada --reason "the bearing is hot"',
        `shoal devices approve pump-01 set_speed --args '{"rpm":900}' --by ada --signing-key ada.jwk`,
      ],
      load: async () => (await import('./approve.ts')).approval('approve'),
    },
    {
      name: 'deny',
      args: '<device> <tool>',
      summary: 'deny one call of a tool, so that whoever asked under this id can be told',
      connects: true,
      shape: 'devices.approval',
      options: APPROVAL_OPTIONS,
      examples: ['shoal devices deny pump-01 stop --id a-17 --by ada --reason "not during the shift"'],
      load: async () => (await import('./approve.ts')).approval('deny'),
    },
    {
      name: 'command',
      args: '<device> <tool>',
      summary: 'leave a command for a device that may be away; it is done when the device comes',
      connects: true,
      shape: 'devices.command',
      options: [
        { flags: '--args <json>', description: 'arguments of the tool, as a JSON object' },
        { flags: '--within <seconds>', description: 'not to be begun later than this, default 86400' },
        { flags: '--id <id>', description: 'sending the same id twice is sending it once' },
        { flags: '--approval <id>', description: 'of a person, for a tool that needs one' },
        { flags: '--by <name>', description: 'who wants it' },
        { flags: '--yes', description: 'have it done' },
        { flags: '--wait', description: 'until it is done, or its time is over' },
      ],
      examples: [
        `shoal devices command pump-01 set_speed --args '{"rpm":1200}' --within 43200 --yes`,
        'shoal devices command acme/plant-1/pump-01 stop --approval a-17 --yes --wait',
      ],
      load: async () => (await import('./commands.ts')).command,
    },
    {
      name: 'commands',
      args: '<device>',
      summary:
        'list the commands of a device: queued, delivered, accepted, running, done, failed, expired, canceled',
      connects: true,
      shape: 'devices.commands',
      examples: ['shoal devices commands pump-01'],
      load: async () => (await import('./commands.ts')).commands,
    },
    {
      name: 'cancel',
      args: '<device> <command-id>',
      summary: 'take a command back, if the device has not taken it up',
      connects: true,
      shape: 'devices.command',
      options: [
        { flags: '--reason <text>', description: 'for the record' },
        { flags: '--by <name>', description: 'who takes it back' },
      ],
      examples: ['shoal devices cancel pump-01 6f0c…'],
      load: async () => (await import('./commands.ts')).cancel,
    },
  ],
};
