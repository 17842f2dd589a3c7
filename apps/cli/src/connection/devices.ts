import {
  connectMcp,
  discoverMcpServers,
  type DiscoveredMcpServer,
  type McpConnection,
} from '@shoal/mcp-mqtt';
import { readDeclaration } from '@shoal/device-tools';
import type { Link } from '@shoal/mqtt-link';
import type { DeviceAddress } from '@shoal/protocol';
import { CliError, usageError } from '../errors.ts';
import type { Context } from '../program/context.ts';
import type { DeviceTools } from '../shapes/devices.ts';
import { credentialsOf } from './connect.ts';
import { parseAddress } from './registry.ts';

export interface FoundDevice extends DeviceAddress {
  readonly server: DiscoveredMcpServer;
}

/** Devices that announce their tools; other MCP servers are none of ours. */
export async function readDevices(context: Context, link: Link): Promise<readonly FoundDevice[]> {
  const { org = '+', unit = '+' } = context.settings;
  const servers = await context.waiting(
    'reading the devices',
    discoverMcpServers(link, `shoal/${org}/${unit}/+`, { timeoutMs: context.settings.timeoutMs }),
  );
  return servers.map((server) => {
    const [, serverOrg = '', serverUnit = '', deviceId = ''] = server.serverName.split('/');
    return { org: serverOrg, unit: serverUnit, deviceId, server };
  });
}

/** The device that is meant. Throws CliError `not-found` when its tools are not announced, `usage` when it is ambiguous. */
export async function findDevice(context: Context, link: Link, text: string): Promise<FoundDevice> {
  const wanted = parseAddress(text, context.settings);
  const devices = await readDevices(context, link);
  const found = devices.filter(
    ({ org, unit, deviceId }) =>
      deviceId === wanted.agentId && (!('org' in wanted) || (org === wanted.org && unit === wanted.unit)),
  );
  const [only] = found;
  if (only !== undefined && found.length === 1) return only;
  const names = (only === undefined ? devices : found).map(
    ({ org, unit, deviceId }) => `${org}/${unit}/${deviceId}`,
  );
  const hint =
    names.length === 0 ? 'no device announces tools there' : `there are ${names.slice(0, 5).join(', ')}`;
  throw new CliError(
    only === undefined ? 'not-found' : 'usage',
    only === undefined ? `no device "${text}": ${hint}` : `"${text}" is ambiguous: ${names.join(', ')}`,
    { code: only === undefined ? 'unknown-device' : 'ambiguous-device' },
  );
}

/** A device that need not be there, so nobody can be asked what the unit is. Throws CliError `usage` without one. */
export function deviceAddress(context: Context, text: string): DeviceAddress {
  const address = parseAddress(text, context.settings);
  if (!('org' in address))
    throw usageError(`"${text}": say --org and --unit, or org/unit/device`, 'invalid-address');
  const { org, unit, agentId } = address;
  return { org, unit, deviceId: agentId };
}

export function deviceName({ org, unit, deviceId }: DeviceAddress): string {
  return `${org}/${unit}/${deviceId}`;
}

/** A session with the tools of a device; closed when the command ends. */
export async function openTools(context: Context, device: FoundDevice): Promise<McpConnection> {
  const connection = await context.waiting(
    `opening a session with ${device.deviceId}`,
    connectMcp({
      ...(await credentialsOf(context.io, context.settings)),
      serverName: device.server.serverName,
    }),
  );
  context.atEnd(() => connection.close());
  return connection;
}

export type Tool = DeviceTools['tools'][number];

export async function readTools({ client }: McpConnection): Promise<readonly Tool[]> {
  const { tools } = await client.listTools();
  return tools.map(({ name, description = '', annotations, _meta, inputSchema }) => ({
    name,
    description,
    risk: readDeclaration(_meta)?.risk ?? (annotations?.readOnlyHint === true ? 'read' : 'dangerous'),
    inputSchema,
  }));
}
