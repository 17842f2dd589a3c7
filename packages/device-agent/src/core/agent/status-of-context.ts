import type { DeviceContext } from './device-context.ts';
import { DeviceMonitor } from './device-monitor.ts';
import { deviceStatus, type DeviceRelation, type DeviceStatus } from './status.ts';

/**
 * What the agent would say of its device, from the context that it keeps on the broker: for whoever only reads. The score is 0, since
 * a context does not hold the last judgement.
 */
export function statusOfContext(
  context: DeviceContext,
  agent: { readonly agentId: string; readonly relations?: readonly DeviceRelation[] },
): DeviceStatus {
  return deviceStatus({
    deviceId: context.deviceId,
    agentId: agent.agentId,
    monitor: new DeviceMonitor({}, {}, context.monitor),
    speed: context.speed,
    requests: context.requests,
    relations: agent.relations ?? [],
    malformed: context.malformed,
  });
}
