import { markerTopicOf, readRetained, type InboundMessage, type Link, type Logger } from '@shoal/mqtt-link';
import { endSpan, startSpan, within } from '@shoal/mqtt-link/tracing';
import {
  clientIdOf,
  deviceTopics,
  parseShoalTopic,
  type DeviceAddress,
  type DeviceCommand,
  type DeviceCommandProgress,
  type DeviceCommandStatus,
  type RecordError,
} from '@shoal/protocol';
import { CommandViews, FINAL_STATES, type DeviceCommandView } from '../core/command-view.ts';
import { decideCommand } from '../core/decide-command.ts';
import type { CallOutcome, DeviceToolGuard } from '../core/guard.ts';

export interface FollowCommandsOptions {
  readonly link: Link;
  readonly device: DeviceAddress;
  /** Checks and carries out what is asked; the id of a command is the idempotency key. */
  readonly guard: DeviceToolGuard;
  readonly logger: Logger;
  /**
   * How long after the last retained message a reading ends. Default 250: an EMQX that paces what it keeps sends it late (`readRetained`), so
   * that a cancellation could be missed. 0 is right for Mosquitto and the embedded broker.
   */
  readonly settleMs?: number;
  /** Goes from one connection of the device to the next; make it once for each start of the program. */
  readonly memory: CommandMemory;
}

export interface CommandFollower {
  /** Takes nothing up any more; what runs ends first. Closing twice is fine. */
  close(): Promise<void>;
}

/** What a device knows of its commands over its connections, while its program runs. Bounded. */
export class CommandMemory {
  /** Its word on a command that the broker has not acknowledged yet, and on the last ones that it has. */
  readonly told = new Map<string, DeviceCommandStatus>();
  readonly begun = new Set<string>();

  remember(status: DeviceCommandStatus): void {
    this.told.delete(status.commandId);
    this.told.set(status.commandId, status);
    const [oldest] = this.told.keys();
    if (this.told.size > MOST_REMEMBERED && oldest !== undefined) this.told.delete(oldest);
  }
}

const MOST_REMEMBERED = 1_000;
const AGAIN_AFTER_MS = 1_000;
/** A command is large when its arguments are; its result is bounded by the record. */
const MAX_RESULT_BYTES = 65_536;

/**
 * Carries out the commands that wait for a device, one after the other, in the order in which they were wanted. To be started with each
 * connection. Every state is on the broker before the device goes on; after `accepted` the cancellation is read once more; nothing is
 * begun after its deadline. Rejects with LinkError when the commands cannot be read.
 */
export async function followCommands(options: FollowCommandsOptions): Promise<CommandFollower> {
  const follower = new Follower(options);
  await follower.start();
  return follower;
}

class Follower implements CommandFollower {
  readonly #options: FollowCommandsOptions;
  readonly #views = new CommandViews();
  /** When a command may no longer be begun, by this process's own clock (`performance.now()`). */
  readonly #untilMs = new Map<string, number>();
  readonly #confirmed = new Set<string>();
  readonly #stop = new AbortController();
  readonly #cleanUp: (() => unknown)[] = [];
  #working: Promise<void> | undefined;
  #again = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #read = false;

  constructor(options: FollowCommandsOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    const { link, device } = this.#options;
    this.#cleanUp.push(
      link.on('offline', () => {
        this.#read = false;
        this.#views.clear();
        this.#confirmed.clear();
      }),
      link.on('online', ({ reconnect }) => reconnect && void this.#readAll().catch(this.#onTrouble)),
    );
    const subscription = await link.subscribe(deviceTopics(device).commands, (message) => {
      this.#take(message);
      this.#work();
    });
    this.#cleanUp.push(() => (link.state === 'online' ? subscription.close() : undefined));
    await this.#readAll();
  }

  async close(): Promise<void> {
    this.#stop.abort();
    clearTimeout(this.#timer);
    await this.#working;
    for (const undo of this.#cleanUp.splice(0)) await Promise.resolve(undo()).catch(() => undefined);
  }

  /** A cancellation may lie behind its command: everything is read before anything is done. */
  async #readAll(): Promise<void> {
    const { link, device } = this.#options;
    const found = await readRetained(link, deviceTopics(device).commands, this.#reading());
    for (const message of found.values()) this.#take(message);
    this.#read = true;
    this.#work();
  }

  #take(message: InboundMessage): void {
    const { topic, payload, messageExpirySeconds, receivedAtMs } = message;
    const problem = this.#views.take(topic, payload);
    if (problem !== undefined) return this.#options.logger.warn('a command is ignored', { topic, problem });
    const at = parseShoalTopic(topic);
    if (at === undefined || !('commandId' in at)) return;
    const { commandId } = at;
    const command = this.#views.get(commandId)?.command;
    if (command === undefined) return void this.#untilMs.delete(commandId);
    if (at.kind !== 'device-command' || this.#untilMs.has(commandId)) return;
    const leftMs =
      messageExpirySeconds === undefined
        ? Date.parse(command.deadlineAt) - Date.now()
        : (messageExpirySeconds - command.retentionSeconds) * 1000;
    this.#untilMs.set(commandId, receivedAtMs + leftMs);
  }

  /** One command after the other; what comes meanwhile is looked at afterwards. */
  #work(): void {
    this.#again = true;
    this.#working ??= this.#workAll()
      .catch(this.#onTrouble)
      .finally(() => (this.#working = undefined));
  }

  async #workAll(): Promise<void> {
    while (this.#again && !this.#stop.signal.aborted) {
      this.#again = false;
      for (const { commandId } of this.#views.all()) {
        let goesOn = true;
        while (goesOn && this.#mayAct()) goesOn = await this.#advance(commandId);
      }
    }
  }

  #mayAct(): boolean {
    return this.#read && this.#options.link.state === 'online' && !this.#stop.signal.aborted;
  }

  readonly #onTrouble = (error: unknown): void => {
    if (this.#stop.signal.aborted) return;
    this.#options.logger.debug('commands wait', { error: String(error) });
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#goOn, AGAIN_AFTER_MS);
  };

  readonly #goOn = (): void => {
    if (this.#options.link.state !== 'online') return;
    if (this.#read) this.#work();
    else void this.#readAll().catch(this.#onTrouble);
  };

  /** One step of one command; false when nothing is to be done for it now. */
  async #advance(commandId: string): Promise<boolean> {
    const { memory, guard } = this.#options;
    const view = this.#views.get(commandId);
    if (view?.command === undefined) return false;
    const own = memory.told.get(commandId);
    // The broker lost it, or never had it: this device's own word counts.
    if (own !== undefined && own.trail.length > (view.status?.trail.length ?? 0)) {
      await this.#publish(view, own);
      return true;
    }
    const tool = guard.options.tools.find(({ name }) => name === view.command?.tool);
    const decision = decideCommand(view, {
      expired: performance.now() >= (this.#untilMs.get(commandId) ?? 0),
      confirmed: this.#confirmed.has(commandId),
      begun: memory.begun.has(commandId),
      idempotent: tool?.idempotent,
    });
    switch (decision.do) {
      case 'nothing':
        return false;
      case 'confirm':
        await this.#confirm(commandId);
        return true;
      case 'run':
        await this.#run(view, view.command, tool?.declaration.guarded === true);
        return true;
      default:
        if (decision.state === 'running') memory.begun.add(commandId);
        await this.#write(
          view,
          decision.state,
          decision.error === undefined ? {} : { error: decision.error },
        );
        return true;
    }
  }

  async #confirm(commandId: string): Promise<void> {
    const { link } = this.#options;
    const { cancel } = this.#topics(commandId);
    const found = await readRetained(link, cancel, this.#reading());
    for (const message of found.values()) this.#take(message);
    this.#confirmed.add(commandId);
  }

  async #run(view: DeviceCommandView, command: DeviceCommand, guarded: boolean): Promise<void> {
    const { guard, device, logger, memory } = this.#options;
    const { commandId, tool, args, approvalId } = command;
    const span = startSpan('@shoal/device-tools', `command ${tool}`, {
      kind: 'consumer',
      attributes: { 'shoal.device.id': device.deviceId, 'shoal.command.id': commandId },
      parent: { ...command.trace },
    });
    const keys = guarded ? { requestId: commandId, ...(approvalId === undefined ? {} : { approvalId }) } : {};
    const outcome = await within(span, () => guard.call(tool, { ...args, ...keys }));
    const { state, ...said } = endOf(outcome);
    endSpan(span, said.error?.code);
    logger.info('command', { commandId, tool, state });
    memory.begun.delete(commandId);
    await this.#write(view, state, said);
  }

  /** Remembered first: when the connection is lost now, the next one tells it. */
  async #write(
    { commandId, status }: DeviceCommandView,
    state: DeviceCommandProgress,
    said: Pick<DeviceCommandStatus, 'result' | 'error'>,
  ): Promise<void> {
    const { device, memory } = this.#options;
    const next: DeviceCommandStatus = {
      schemaVersion: 1,
      commandId,
      deviceId: device.deviceId,
      state,
      trail: [...(status?.trail ?? []), { state, at: new Date().toISOString() }].slice(-16),
      ...said,
    };
    // What is begun again after a restart of the program is not remembered as done before it is.
    if (FINAL_STATES.has(state)) memory.remember(next);
    await this.#publish({ commandId }, next);
  }

  async #publish(
    { commandId }: Pick<DeviceCommandView, 'commandId'>,
    status: DeviceCommandStatus,
  ): Promise<void> {
    const { link } = this.#options;
    const command = this.#views.get(commandId)?.command;
    const keptMs =
      (this.#untilMs.get(commandId) ?? performance.now()) +
      (command?.retentionSeconds ?? 3_600) * 1000 -
      performance.now();
    const payload = JSON.stringify(status);
    const { status: topic } = this.#topics(commandId);
    await link.publish(topic, payload, {
      qos: 1,
      retain: true,
      contentType: 'application/json',
      payloadIsUtf8: true,
      messageExpirySeconds: Math.max(60, Math.ceil(keptMs / 1000)),
      signal: this.#stop.signal,
    });
    this.#views.take(topic, payload);
  }

  #topics(commandId: string) {
    return deviceTopics(this.#options.device).command(commandId);
  }

  #reading() {
    const { org, unit, deviceId } = this.#options.device;
    return {
      settleMs: this.#options.settleMs ?? 250,
      markerTopic: markerTopicOf(clientIdOf({ org, unit, agentId: deviceId }), 0),
      signal: this.#stop.signal,
    };
  }
}

function endOf(
  outcome: CallOutcome,
): { readonly state: DeviceCommandProgress } & Pick<DeviceCommandStatus, 'result' | 'error'> {
  switch (outcome.kind) {
    case 'done': {
      if (JSON.stringify(outcome.answer).length <= MAX_RESULT_BYTES)
        return { state: 'done', result: outcome.answer as NonNullable<DeviceCommandStatus['result']> };
      return { state: 'done', result: { omitted: `more than ${MAX_RESULT_BYTES} bytes` } };
    }
    case 'refused': {
      const { code, message } = outcome.refusal;
      return { state: 'failed', error: errorOf(code.toUpperCase().replaceAll('-', '_'), message) };
    }
    case 'dry-run':
      return { state: 'done', result: outcome.would as NonNullable<DeviceCommandStatus['result']> };
    default:
      return { state: 'failed', error: errorOf('TOOL_FAILED', outcome.error) };
  }
}

function errorOf(code: string, message: string): RecordError {
  return { code, message: message.slice(0, 4000) };
}
