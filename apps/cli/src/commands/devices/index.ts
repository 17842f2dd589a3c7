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
  ],
};
