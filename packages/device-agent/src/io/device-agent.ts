import {
  buildCard,
  cardWill,
  createAgent,
  retainedState,
  systemClock,
  type Agent,
  type Clock,
  type RetainedState,
} from '@shoal/agent-sdk';
import { openLink, silentLogger, type Link, type LinkOptions, type Logger } from '@shoal/mqtt-link';
import {
  agentTopics,
  clientIdOf,
  deviceTopics,
  validateAgentState,
  type AgentAddress,
  type AgentState,
  type Validation,
} from '@shoal/protocol';
import { deviceCard, type DeviceDescription } from '../core/agent/card.ts';
import {
  CONTEXT_KIND,
  validateContext,
  type DeviceContext,
  type DeviceSpeed,
} from '../core/agent/device-context.ts';
import { DeviceMonitor } from '../core/agent/device-monitor.ts';
import { incidentMessage, type IncidentRequest } from '../core/agent/requests.ts';
import { deviceStatus, type DeviceStatus } from '../core/agent/status.ts';
import type { DetectorOptions } from '../core/detector/options.ts';
import type { IncidentEvent, IncidentKind, IncidentOptions } from '../core/incident/incident-machine.ts';
import { answerTask } from './answer-task.ts';
import { DeviceDoor } from './device-door.ts';
import { IncidentRequester } from './incident-requester.ts';
import { Operator } from './operator.ts';
import { receiveTelemetry } from './receive-telemetry.ts';

export interface DeviceAgentOptions
  extends DeviceDescription, Pick<LinkOptions, 'url' | 'username' | 'password' | 'reconnect' | 'logger'> {
  readonly org: string;
  readonly unit: string;
  /** Default: the device id. */
  readonly agentId?: string;
  /** The broker's URL as the card names it. Default `url`. */
  readonly publicUrl?: string;
  /** Channel that says how much the device carries, and its value at full load. Default: speed over the highest speed. */
  readonly load?: { readonly channel: string; readonly full: number };
  readonly detector?: DetectorOptions;
  readonly incidents?: IncidentOptions;
  /** Asked once for each incident with the data {deviceId, agentId, detectedAt, evidence}. Unset: incidents are only kept. */
  readonly workflow?: AgentAddress;
  /** Incidents for which the workflow is asked. Default all. */
  readonly requestFor?: readonly IncidentKind[];
  /** How long a workflow that does not answer is asked again. Default 3 600 000. */
  readonly giveUpAfterMs?: number;
  readonly onIncident?: (event: IncidentEvent) => void;
  /** When a request has ended or was given up. */
  readonly onOutcome?: (request: IncidentRequest) => void;
  /** Context is written at most this often; what must not be lost is written at once. Default 1 000. */
  readonly stateIntervalMs?: number;
  /** Seconds after the last write until the broker forgets the context. Default 7 days. */
  readonly stateExpirySeconds?: number;
  /** MCP server name of the device. Default `shoal/{org}/{unit}/{deviceId}`. */
  readonly mcpServerName?: string;
  /** Longest wait for the device's MCP server. Default 5 000. */
  readonly deviceTimeoutMs?: number;
  readonly clock?: Clock;
}

export interface DeviceAgent {
  readonly address: AgentAddress;
  readonly agent: Agent;
  /** Resolves when the agent has ended. */
  readonly ended: Promise<AgentEnd>;
  status(): DeviceStatus;
  /** Writes the context, says offline, disconnects. Stopping twice is fine. */
  stop(): Promise<void>;
}

/** `fenced`: another connection took over its client id. `closed`: the connection was closed from elsewhere, for good. */
export type AgentEnd = 'stopped' | 'fenced' | 'closed';

const WEEK_SECONDS = 7 * 24 * 60 * 60;

/**
 * Starts the agent of one device: takes up the context of its predecessor, watches the telemetry, answers over A2A. Rejects with
 * LinkError when the broker cannot be reached, A2aError when it does not take the card, `invalid-option` for detector options.
 */
export async function startDeviceAgent(options: DeviceAgentOptions): Promise<DeviceAgent> {
  const address: AgentAddress = {
    org: options.org,
    unit: options.unit,
    agentId: options.agentId ?? options.deviceId,
  };
  const card = deviceCard(options);
  const logger = options.logger ?? silentLogger;
  const link = await openLink({
    url: options.url,
    clientId: clientIdOf(address),
    will: cardWill(address, buildCard(card, address, options.publicUrl ?? options.url)),
    logger,
    ...(options.username === undefined ? {} : { username: options.username }),
    ...(options.password === undefined ? {} : { password: options.password }),
    ...(options.reconnect === undefined ? {} : { reconnect: options.reconnect }),
  });
  const store = contextStore(link, address, options, logger);
  const context = await store.load().catch(async (error: unknown) => {
    await link.close();
    throw error;
  });
  const running = new RunningDeviceAgent(
    options,
    address,
    link,
    store,
    context?.data as DeviceContext | undefined,
  );
  try {
    await running.start();
  } catch (error) {
    await running.stop();
    throw error;
  }
  return running;
}

class RunningDeviceAgent implements DeviceAgent {
  readonly address: AgentAddress;
  readonly agent: Agent;
  readonly ended: Promise<AgentEnd>;
  readonly #options: DeviceAgentOptions;
  readonly #link: Link;
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #store: RetainedState<AgentState>;
  readonly #monitor: DeviceMonitor;
  readonly #door: DeviceDoor;
  readonly #operator: Operator;
  readonly #requests: IncidentRequester;
  #end!: (why: AgentEnd) => void;
  #speed: DeviceSpeed | null;
  #malformed: number;
  #stopping: Promise<void> | undefined;

  constructor(
    options: DeviceAgentOptions,
    address: AgentAddress,
    link: Link,
    store: RetainedState<AgentState>,
    saved: DeviceContext | undefined,
  ) {
    this.#options = options;
    this.address = address;
    this.#link = link;
    this.#store = store;
    this.#logger = options.logger ?? silentLogger;
    this.#clock = options.clock ?? systemClock;
    this.ended = new Promise((resolve) => (this.#end = resolve));
    this.#monitor = new DeviceMonitor(options.detector, options.incidents, saved?.monitor);
    this.#speed = saved?.speed ?? null;
    this.#malformed = saved?.malformed ?? 0;
    this.agent = this.#createAgent();
    this.#door = this.#createDoor();
    this.#operator = new Operator({
      door: this.#door,
      records: saved?.orders ?? [],
      persist: () => this.#persist(),
      onDone: (_, result) => this.#noteSpeed(result),
      logger: this.#logger,
    });
    this.#requests = new IncidentRequester({
      // The agent has a requester only once it has a link, which is before the first request.
      requester: this.agent,
      workflow: options.workflow,
      requests: saved?.requests ?? [],
      persist: () => this.#persist(),
      onChange: (request) => options.onOutcome?.(request),
      clock: this.#clock,
      logger: this.#logger,
      giveUpAfterMs: options.giveUpAfterMs ?? 3_600_000,
    });
  }

  async start(): Promise<void> {
    this.#link.on('fenced', () => void this.#stop('fenced'));
    this.#link.on('closed', () => void this.#stop('closed'));
    await this.agent.start();
    await this.#link.subscribe(
      deviceTopics(this.#options).telemetry,
      receiveTelemetry({
        deviceId: this.#options.deviceId,
        logger: this.#logger,
        onSample: (sample) => {
          const observation = this.#monitor.observe(sample);
          for (const event of observation?.events ?? []) this.#onIncident(event);
          if (observation !== undefined) this.#save();
        },
        onMalformed: () => {
          this.#malformed++;
          this.#save();
        },
      }),
      { qos: 0 },
    );
    this.#requests.resume();
    void this.#learnSpeed();
  }

  status(): DeviceStatus {
    const { load, relations = [], deviceId } = this.#options;
    return deviceStatus({
      deviceId,
      agentId: this.address.agentId,
      monitor: this.#monitor,
      speed: this.#speed,
      requests: this.#requests.requests,
      relations,
      malformed: this.#malformed,
      ...(load === undefined ? {} : { load }),
    });
  }

  stop(): Promise<void> {
    return this.#stop('stopped');
  }

  #stop(why: AgentEnd): Promise<void> {
    this.#stopping ??= this.#shutDown(why);
    return this.#stopping;
  }

  async #shutDown(why: AgentEnd): Promise<void> {
    await this.#requests.stop();
    await this.#door.close();
    // A fenced agent has a successor, which owns the context now.
    if (why === 'stopped' && this.#link.state === 'online') {
      this.#save();
      await this.#store.close().catch((error: unknown) => {
        this.#logger.warn('the context could not be written at the end', { error: String(error) });
      });
    }
    await this.agent.stop({ graceMs: why === 'stopped' ? 2_000 : 0 });
    await this.#link.close();
    this.#end(why);
  }

  #onIncident(event: IncidentEvent): void {
    const { deviceId, requestFor, onIncident } = this.#options;
    const { type, incident } = event;
    const { id, kind, peakScore } = incident;
    this.#logger.info(`incident ${type}`, { deviceId, id, kind, peakScore });
    onIncident?.(event);
    if (type !== 'opened' || requestFor?.includes(kind) === false) return;
    const device = { deviceId, agentId: this.address.agentId };
    const { detector, lastSample } = this.#monitor;
    this.#requests.open(incidentMessage(incident, device, detector, lastSample?.units));
  }

  #createAgent(): Agent {
    const { org, unit, agentId } = this.address;
    return createAgent({
      link: this.#link,
      publicUrl: this.#options.publicUrl ?? this.#options.url,
      org,
      unit,
      agentId,
      card: deviceCard(this.#options),
      clock: this.#clock,
      logger: this.#logger,
      handle: (task) =>
        answerTask(task, {
          status: () => this.status(),
          openIncident: () => this.#monitor.incidents.open,
          operate: (order) => this.#operator.operate(order),
          relearn: async () => {
            this.#monitor.relearn();
            await this.#persist();
          },
        }),
    });
  }

  #createDoor(): DeviceDoor {
    const { url, username, password, deviceId, deviceTimeoutMs = 5_000 } = this.#options;
    const { org, unit } = this.address;
    return new DeviceDoor({
      url,
      serverName: this.#options.mcpServerName ?? `shoal/${org}/${unit}/${deviceId}`,
      discoveryTimeoutMs: deviceTimeoutMs,
      logger: this.#logger,
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
    });
  }

  /** In the background: a device without tools is watched all the same. */
  async #learnSpeed(): Promise<void> {
    try {
      const speed = await this.#door.readSpeed();
      if (speed === undefined || this.#stopping !== undefined) return;
      this.#speed = speed;
      this.#save();
    } catch (error) {
      this.#logger.debug('the device did not describe itself', { error: String(error) });
    }
  }

  #noteSpeed({ rpm, running }: Readonly<Record<string, unknown>>): void {
    if (typeof rpm !== 'number') return;
    const before = this.#speed ?? { nominalRpm: null, maxRpm: null };
    this.#speed = { ...before, setpointRpm: rpm, running: running !== false };
  }

  /** The value is put together when it is written, so that a fast device costs no more than a slow one. */
  #save(): void {
    const record = { toJSON: () => this.#record() };
    this.#store.save(record as unknown as AgentState);
  }

  async #persist(): Promise<void> {
    this.#save();
    await this.#store.flush();
  }

  #record(): AgentState {
    const data: DeviceContext = {
      schemaVersion: 1,
      deviceId: this.#options.deviceId,
      learnedSamples: this.#monitor.detector?.learnedSamples ?? 0,
      monitor: this.#monitor.state(),
      requests: this.#requests.requests,
      orders: this.#operator.records,
      speed: this.#speed,
      malformed: this.#malformed,
    };
    const at = this.#clock.nowIso();
    return {
      schemaVersion: 1,
      agentId: this.address.agentId,
      kind: CONTEXT_KIND,
      data,
      at,
    } as unknown as AgentState;
  }
}

function contextStore(
  link: Link,
  address: AgentAddress,
  options: DeviceAgentOptions,
  logger: Logger,
): RetainedState<AgentState> {
  return retainedState<AgentState>({
    link,
    topic: agentTopics(address).state,
    minIntervalMs: options.stateIntervalMs ?? 1_000,
    expirySeconds: options.stateExpirySeconds ?? WEEK_SECONDS,
    logger,
    validate: (value) => validateState(value, options.deviceId),
    ...(options.clock === undefined ? {} : { clock: options.clock }),
  });
}

function validateState(value: unknown, deviceId: string): Validation<AgentState> {
  const state = validateAgentState(value);
  if (!state.ok) return state;
  if (state.value.kind !== CONTEXT_KIND) {
    return { ok: false, violations: [{ field: 'kind', message: `must be ${CONTEXT_KIND}` }] };
  }
  const context = validateContext(state.value.data, deviceId);
  return context.ok
    ? { ok: true, value: { ...state.value, data: context.value } as unknown as AgentState }
    : context;
}
