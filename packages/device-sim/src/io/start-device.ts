import { randomUUID } from 'node:crypto';
import {
  CommandMemory,
  DeviceToolGuard,
  followApprovals,
  followCommands,
  RequestMemory,
  type ApprovalBook,
  type RiskClass,
} from '@shoal/device-tools';
import { serveMcp } from '@shoal/mcp-mqtt';
import { silentLogger, type LinkOptions } from '@shoal/mqtt-link';
import { assertIdentifier, deviceTopics } from '@shoal/protocol';
import type { ApproverKeys } from '@shoal/protocol/signing';
import { inRange } from '../core/faults.ts';
import type { DeviceSource } from '../core/source.ts';
import { createDeviceServer, deviceTools } from './device-tools.ts';
import { Device, type DeviceConnection } from './device.ts';

export interface StartDeviceOptions extends Pick<
  LinkOptions,
  'url' | 'username' | 'password' | 'reconnect' | 'logger'
> {
  readonly org: string;
  readonly unit: string;
  readonly deviceId: string;
  readonly source: DeviceSource;
  /** Samples per second of device time. Default 1, at most 1000. */
  readonly rateHz?: number;
  /** How much faster than device time it publishes. Default 1, at most 10 000. */
  readonly speed?: number;
  /** Device time of the first sample. Default: now. */
  readonly startAt?: Date;
  /** Bytes of waveform in one answer, before base64. Default 32 768. */
  readonly maxChunkBytes?: number;
  /** MCP sessions at once. Default 32. */
  readonly maxSessions?: number;
  /** The highest risk of a tool call that needs no approval. Default `reversible`: the speed may be set, stop and start need one. */
  readonly grant?: RiskClass;
  /** Whose approvals count, by name. Default: of whoever the broker lets write them. */
  readonly approvers?: readonly string[];
  /** Public keys of the approvers by name: with them only an approval that one of that person's keys signed counts. Default: none. */
  readonly approverKeys?: ApproverKeys;
}

/** Where a device's tools are found: the MCP server id (also its MQTT client id) and name. */
export function deviceMcpServer(device: {
  readonly org: string;
  readonly unit: string;
  readonly deviceId: string;
}): {
  readonly serverId: string;
  readonly serverName: string;
} {
  const { org, unit, deviceId } = device;
  return { serverId: `${org}.${unit}.${deviceId}`, serverName: `shoal/${org}/${unit}/${deviceId}` };
}

/**
 * Connects, serves the tools over MCP, carries out the commands that wait for it, and publishes telemetry (QoS 0) until the recording
 * ends or `stop`. One connection for all. Rejects with `out-of-range`, ProtocolError `invalid-identifier`, or the link's LinkError.
 */
export async function startDevice(options: StartDeviceOptions): Promise<Device> {
  const { org, unit, deviceId, source, rateHz = 1, speed = 1, maxChunkBytes = 32_768 } = options;
  for (const [field, value] of Object.entries({ org, unit, deviceId })) assertIdentifier(field, value);
  inRange('rateHz', rateHz, 0.001, 1000);
  inRange('speed', speed, 0.001, 10_000);
  inRange('maxChunkBytes', maxChunkBytes, 4, 1_048_576);
  const logger = options.logger ?? silentLogger;
  const startAtMs = (options.startAt ?? new Date()).getTime();
  const device = new Device({ org, unit, deviceId, source, rateHz, speed, startAtMs, maxChunkBytes, logger });
  let approvals: ApprovalBook | undefined;
  const guard = new DeviceToolGuard({
    deviceId,
    tools: deviceTools(device),
    memory: new RequestMemory({ id: randomUUID() }),
    approval: (approvalId) => approvals?.get(approvalId),
    distrust: (approvalId) => approvals?.distrust(approvalId),
    settleApproval: async (approvalId) => approvals?.settle(approvalId),
    approvalTopic: (approvalId) => deviceTopics(options).approval(approvalId),
    channels: () => device.channels,
    interlock: (name) => device.interlock(name),
    nowMs: () => Date.now(),
    elapsedMs: () => performance.now(),
    ...(options.grant === undefined ? {} : { grant: options.grant }),
    ...(options.approvers === undefined ? {} : { approvers: options.approvers }),
  });
  const memory = new CommandMemory();
  const connect = async (): Promise<DeviceConnection> => {
    const serving = await serveMcp({
      ...deviceMcpServer(device),
      url: options.url,
      description: `${source.description.type} ${deviceId}: describe, read_vibration_waveform, set_speed, start, stop.`,
      meta: { org, unit, deviceId, type: source.description.type },
      server: () => createDeviceServer(deviceId, guard),
      logger,
      ...(options.maxSessions === undefined ? {} : { maxSessions: options.maxSessions }),
      ...(options.username === undefined ? {} : { username: options.username }),
      ...(options.password === undefined ? {} : { password: options.password }),
      ...(options.reconnect === undefined ? {} : { reconnect: options.reconnect }),
    });
    try {
      const { link } = serving;
      approvals = await followApprovals(link, options, logger, options.approverKeys);
      const commands = await followCommands({ link, device: options, guard, logger, memory });
      return {
        link,
        async close() {
          await commands.close();
          await serving.stop();
        },
      };
    } catch (error) {
      await serving.stop();
      throw error;
    }
  };
  await device.run(connect);
  return device;
}
