import { startDeviceAgent, type DeviceAgentOptions, type DeviceRelation } from '@shoal/device-agent';
import type { JsonObject } from '@shoal/protocol';
import {
  defineAgentBlueprint,
  type AgentBlueprint,
  type AgentContext,
  type RunningAgent,
} from '@shoal/workflow';
import { DEVICE_AGENT_BLUEPRINT } from '../roles/config.ts';
import { openReasoner, type ReasonerSetup } from './open-reasoner.ts';
import { asFields, requiredText } from './step-input.ts';
import type { ToolGate } from '@shoal/reasoner';

const WORKFLOW = 'predictive-maintenance';
/** One work order for a fault, however often it shows until the repair: a week of device time. */
const ORDER_STANDS_MS = 7 * 24 * 3_600_000;
/** A few devices, and people who look at what their agents keep: the default is for many. */
const STATE_INTERVAL_MS = 1_000;

/** What the model is offered goes through the device's own door, which checks every call. */
const OPEN_GATE: ToolGate = { admit: () => ({ admitted: true }) };

/** What the `desired` record of a device agent has in `config`. */
export interface DeviceAgentConfig {
  readonly deviceId: string;
  readonly deviceType: string;
  readonly name: string;
  readonly site: string;
  readonly area: string;
  readonly relations: readonly DeviceRelation[];
}

/** The agent of one device: asks the maintenance workflow when the device behaves abnormally. `setup`: words its answers, null: rules. */
export function deviceAgentBlueprint(setup: ReasonerSetup | null): AgentBlueprint {
  return defineAgentBlueprint({
    id: DEVICE_AGENT_BLUEPRINT,
    description: 'Watches one device and asks for maintenance when it behaves abnormally.',
    async start(context): Promise<RunningAgent> {
      const { org, unit, agentId, url, username, password, logger } = context;
      const device = await startDeviceAgent({
        ...readDeviceConfig(context),
        org,
        unit,
        agentId,
        url,
        ...(username === undefined ? {} : { username }),
        ...(password === undefined ? {} : { password }),
        logger,
        workflow: { org, unit, agentId: WORKFLOW },
        requestFor: ['anomaly'],
        askAgainAfterMs: ORDER_STANDS_MS,
        stateIntervalMs: STATE_INTERVAL_MS,
        ...ratedLoad(context),
        ...(setup === null
          ? {}
          : { reasoner: (owner) => openReasoner(setup, { ...owner, gate: OPEN_GATE }) }),
      });
      const ended = async (): Promise<void> => void (await device.ended);
      return { stop: () => device.stop(), ended: ended() };
    },
  });
}

function readDeviceConfig({ config }: AgentContext): DeviceAgentConfig {
  const relations = Array.isArray(config['relations']) ? config['relations'] : [];
  return {
    deviceId: requiredText(config, 'deviceId'),
    deviceType: requiredText(config, 'deviceType'),
    name: requiredText(config, 'name'),
    site: requiredText(config, 'site'),
    area: requiredText(config, 'area'),
    relations: relations.map((entry) => ({
      deviceId: requiredText(asFields(entry), 'deviceId'),
      relation: requiredText(asFields(entry), 'relation'),
    })),
  };
}

/** What the plant's machines are rated for: two of a kind stand by for each other, so each can carry both loads. */
const RATED: Readonly<Record<string, { readonly channel: string; readonly full: number }>> = {
  pump: { channel: 'flow', full: 300 },
  hvac: { channel: 'airflow', full: 9000 },
};

function ratedLoad({ config }: AgentContext): Pick<DeviceAgentOptions, 'load'> {
  const load = RATED[requiredText(config, 'deviceType')];
  return load === undefined ? {} : { load };
}

/** The config of a desired record for a device. */
export function deviceAgentConfig(config: DeviceAgentConfig): JsonObject {
  return { ...config, relations: config.relations.map((relation) => ({ ...relation })) };
}
