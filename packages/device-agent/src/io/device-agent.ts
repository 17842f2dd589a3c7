import {
  buildCard,
  cardWill,
  createAgent,
  systemClock,
  type Agent,
  type Clock,
  type RetainedState,
} from '@shoal/agent-sdk';
import { exceeds, followApprovals, type ApprovalBook } from '@shoal/device-tools';
import { openLink, silentLogger, type InboundMessage, type Link, type Logger } from '@shoal/mqtt-link';
import { endSpan, within } from '@shoal/mqtt-link/tracing';
import {
  clientIdOf,
  mcpClientIdOf,
  deviceTopics,
  type AgentAddress,
  type AgentState,
  type Telemetry,
} from '@shoal/protocol';
import { deviceCard } from '../core/agent/card.ts';
import { whyRefused, type OrderRules } from '../core/agent/check-order.ts';
import { CONTEXT_KIND, type DeviceContext, type DeviceSpeed } from '../core/agent/device-context.ts';
import type { DeviceOrder } from '../core/agent/operations.ts';
import { DeviceMonitor } from '../core/agent/device-monitor.ts';
import { incidentMessage } from '../core/agent/requests.ts';
import { deviceStatus, type DeviceStatus } from '../core/agent/status.ts';
import type { IncidentEvent } from '../core/incident/incident-machine.ts';
import { answerTask } from './answer-task.ts';
import { contextStore } from './context-store.ts';
import type { AgentEnd, DeviceAgent, DeviceAgentOptions } from './device-agent-options.ts';
import { DeviceDoor } from './device-door.ts';
import { Explainer } from './explainer.ts';
import { IncidentRequester } from './incident-requester.ts';
import { Operator } from './operator.ts';
import { receiveTelemetry } from './receive-telemetry.ts';
import { sampleSpan } from './sample-span.ts';

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
  readonly #explainer: Explainer;
  #end!: (why: AgentEnd) => void;
  #speed: DeviceSpeed | null;
  #malformed: number;
  #stopping: Promise<void> | undefined;
  #approvals: ApprovalBook | undefined;

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
      check: async (order, traits, records) => {
        const { approvalId } = order;
        if (approvalId !== undefined && exceeds(traits.risk, this.#orderRules(order).grant))
          await this.#approvals?.settle(approvalId);
        return whyRefused(order, traits, records, this.#orderRules(order));
      },
      persist: () => this.#persist(),
      nowMs: () => Date.parse(this.#clock.nowIso()),
      onDone: (_, result) => this.#noteSpeed(result),
      logger: this.#logger,
    });
    this.#explainer = this.#createExplainer();
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
      askAgainAfterMs: options.askAgainAfterMs ?? 0,
    });
  }

  async start(): Promise<void> {
    this.#link.on('fenced', () => void this.#stop('fenced'));
    this.#link.on('closed', () => void this.#stop('closed'));
    this.#approvals = await followApprovals(
      this.#link,
      this.#options,
      this.#logger,
      this.#options.approverKeys,
    );
    await this.agent.start();
    await this.#link.subscribe(
      deviceTopics(this.#options).telemetry,
      receiveTelemetry({
        deviceId: this.#options.deviceId,
        logger: this.#logger,
        onSample: (sample, message) => this.#onSample(sample, message),
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
    await this.#explainer.close();
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

  #onSample(sample: Telemetry, message: InboundMessage): void {
    const { baseline } = this.#monitor.detector ?? {};
    const observation = this.#monitor.observe(sample);
    if (observation === undefined) return;
    for (const event of observation.events) this.#onIncident(event, sample, message);
    this.#save();
    const learned = baseline === undefined && this.#monitor.detector?.baseline !== undefined;
    if (observation.events.length === 0 && !learned) return;
    // It is tried again by itself.
    this.#store.flush().catch((error: unknown) => {
      this.#logger.warn('what has happened to the device is not durable yet', { error: String(error) });
    });
  }

  #onIncident(event: IncidentEvent, sample: Telemetry, message: InboundMessage): void {
    const { deviceId, requestFor, onIncident } = this.#options;
    const { type, incident } = event;
    const { id, kind, peakScore } = incident;
    this.#logger.info(`incident ${type}`, { deviceId, id, kind, peakScore });
    onIncident?.(event);
    if (type !== 'opened' || requestFor?.includes(kind) === false) return;
    const device = { deviceId, agentId: this.address.agentId };
    const { detector, lastSample } = this.#monitor;
    const span = sampleSpan(incident, sample, message);
    within(span, () =>
      this.#requests.open(incidentMessage(incident, device, detector, lastSample?.units), span?.carrier),
    );
    endSpan(span);
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
          operate: (order) => this.#operator.operate(order),
          relearn: async () => {
            this.#monitor.relearn();
            await this.#persist();
          },
          explain: (question, taskId) => this.#explainer.answer(question, taskId),
        }),
    });
  }

  #orderRules({ onModelsBehalf }: DeviceOrder): OrderRules {
    const { deviceId, grant: granted = 'reversible', reasonerGrant = 'read', approvers } = this.#options;
    const grant = onModelsBehalf === true && exceeds(granted, reasonerGrant) ? reasonerGrant : granted;
    return {
      deviceId,
      grant,
      ...(approvers === undefined ? {} : { approvers }),
      approval: (approvalId) => this.#approvals?.get(approvalId),
      distrust: (approvalId) => this.#approvals?.distrust(approvalId),
      approvalTopic: (approvalId) => deviceTopics(this.#options).approval(approvalId),
      channels: this.#monitor.lastSample?.channels ?? {},
      nowMs: Date.parse(this.#clock.nowIso()),
    };
  }

  #createExplainer(): Explainer {
    const { relations = [], reasoner } = this.#options;
    const { org, unit } = this.address;
    return new Explainer({
      context: { ...this.address, link: this.#link, logger: this.#logger },
      create: reasoner,
      status: () => this.status(),
      openIncident: () => this.#monitor.incidents.open,
      deviceTools: () => this.#door.offers(),
      operate: (order) => this.#operator.operate(order),
      // A device agent has the device's id unless it was told otherwise: the card of the other one is not looked up for a question.
      peers: relations.map(({ deviceId }) => deviceId),
      askPeer: (agentId, signal) =>
        this.agent.requester.send(
          { org, unit, agentId },
          { data: { skill: 'status' }, metadata: { skill: 'status' } },
          { signal, firstReplyTimeoutMs: 4_000, maxAttempts: 1 },
        ),
    });
  }

  #createDoor(): DeviceDoor {
    const { url, username, password, deviceId, deviceTimeoutMs = 5_000, risks } = this.#options;
    const { org, unit } = this.address;
    return new DeviceDoor({
      url,
      clientId: mcpClientIdOf(this.address),
      serverName: this.#options.mcpServerName ?? `shoal/${org}/${unit}/${deviceId}`,
      discoveryTimeoutMs: deviceTimeoutMs,
      idleMs: 30_000,
      clock: this.#clock,
      logger: this.#logger,
      ...(risks === undefined ? {} : { risks }),
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
    });
  }

  /** In the background: a device without tools is watched all the same. */
  async #learnSpeed(): Promise<void> {
    try {
      const speed = await this.#door.learnSpeed();
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
