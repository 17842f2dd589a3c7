import { openRegistry } from '../../connection/registry.ts';
import { readDevices } from '../../connection/devices.ts';
import { paintState } from '../../output/style.ts';
import { formatTable } from '../../output/table.ts';
import { implement } from '../../program/leaf.ts';
import type { DevicesList } from '../../shapes/devices.ts';

export const list = implement<DevicesList>({
  async run(context) {
    const link = await context.connect();
    const registry = await openRegistry(context, link);
    const found = await readDevices(context, link);
    const devices = found.map(({ org, unit, deviceId, server }) => {
      const { type } = server.meta;
      return {
        org,
        unit,
        deviceId,
        type: typeof type === 'string' ? type : null,
        description: server.description,
        serverId: server.serverId,
        serverName: server.serverName,
        agent: registry.get({ org, unit, agentId: deviceId })?.presence.state ?? null,
      };
    });
    return { devices: devices.toSorted((a, b) => a.serverName.localeCompare(b.serverName)) };
  },
  text({ devices }, style) {
    if (devices.length === 0) return 'no devices\n';
    return formatTable(
      devices,
      [
        { title: 'DEVICE', value: ({ org, unit, deviceId }) => `${org}/${unit}/${deviceId}` },
        { title: 'TYPE', value: ({ type }) => type ?? '' },
        {
          title: 'AGENT',
          value: ({ agent }) => agent ?? 'none',
          paint: ({ agent }) => paintState(style, agent ?? ''),
        },
        { title: 'DESCRIPTION', value: ({ description }) => description },
      ],
      style,
    );
  },
});
