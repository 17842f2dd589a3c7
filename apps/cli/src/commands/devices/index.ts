import type { Group } from '../../program/leaf.ts';
import { COLLECT_OPTIONS } from '../collect-options.ts';

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
        { flags: '--direct', description: "past the device's agent, which then does not know of it" },
      ],
      examples: [
        'shoal devices call pump-01 describe',
        `shoal devices call pump-01 set_speed --args '{"rpm":1200}' --yes`,
      ],
      load: async () => (await import('./call.ts')).call,
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
