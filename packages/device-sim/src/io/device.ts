import { randomUUID } from 'node:crypto';
import type { Link, Logger } from '@shoal/mqtt-link';
import { deviceTopics } from '@shoal/protocol';
import { CaptureStore, chunkOf, type CaptureChunk } from '../core/captures.ts';
import {
  applyCommand,
  initialSetpoint,
  type CommandAnswer,
  type DeviceCommand,
} from '../core/device-control.ts';
import type { DeviceSample, DeviceSource, MachineDescription, Setpoint } from '../core/source.ts';
import { deviceTime, due, telemetryRecord, type PaceState } from '../core/telemetry.ts';
import { LOCKOUT, type DeviceControls } from './device-tools.ts';

/** One connection of a device, with everything that is served and followed on it. */
export interface DeviceConnection {
  readonly link: Link;
  close(): Promise<void>;
}

export interface DeviceSettings {
  readonly org: string;
  readonly unit: string;
  readonly deviceId: string;
  readonly source: DeviceSource;
  readonly rateHz: number;
  readonly speed: number;
  readonly startAtMs: number;
  readonly maxChunkBytes: number;
  readonly logger: Logger;
}

export interface DeviceState {
  /** Samples made since the start. */
  readonly samples: number;
  /** Sleeps: without a connection, until it is woken. */
  readonly asleep: boolean;
  /** Samples that no connection was there for. */
  readonly lost: number;
  readonly rpm: number;
  readonly running: boolean;
  /** True when a recording is over; the tools are still served. */
  readonly ended: boolean;
}

/** Captures kept for paging. */
const CAPTURES_KEPT = 4;
/** Shortest pause between two rounds of publishing. */
const SHORTEST_PAUSE_MS = 10;

/** A running device. Made by `startDevice`. */
export class Device implements DeviceControls {
  readonly org: string;
  readonly unit: string;
  readonly deviceId: string;
  readonly machine: MachineDescription;
  /** Resolves when a recording is over, or the device was stopped. */
  readonly ended: Promise<void>;

  readonly #settings: DeviceSettings;
  readonly #topic: string;
  readonly #units: Record<string, string>;
  readonly #captures = new CaptureStore(CAPTURES_KEPT);
  readonly #listeners = new Set<(sample: DeviceSample) => void>();
  readonly #settleEnded: () => void;
  #connect: (() => Promise<DeviceConnection>) | undefined;
  #connection: DeviceConnection | undefined;
  /** Falling asleep and waking up go one after the other. */
  #turn: Promise<void> = Promise.resolve();
  #stopped = false;
  #sourceState: unknown;
  #setpoint: Setpoint;
  #channels: DeviceSample['channels'] = {};
  #lockedBy: string | undefined;
  #pace: PaceState = { sent: 0, startedAtMs: 0 };
  #samples = 0;
  #lost = 0;
  #captureCount = 0;
  #timer: NodeJS.Timeout | undefined;
  #over = false;

  constructor(settings: DeviceSettings) {
    this.#settings = settings;
    this.org = settings.org;
    this.unit = settings.unit;
    this.deviceId = settings.deviceId;
    this.machine = settings.source.description;
    this.#topic = deviceTopics(settings).telemetry;
    this.#units = Object.fromEntries(this.machine.channels.map(({ name, unit }) => [name, unit]));
    this.#sourceState = settings.source.initial();
    this.#setpoint = initialSetpoint(this.machine);
    let settle!: () => void;
    this.ended = new Promise((resolve) => (settle = resolve));
    this.#settleEnded = settle;
  }

  get state(): DeviceState {
    const { rpm, running } = this.#setpoint;
    const asleep = this.#connection === undefined;
    return { samples: this.#samples, lost: this.#lost, rpm, running, asleep, ended: this.#over };
  }

  /** The device's one connection: telemetry, MCP and commands. Undefined while it sleeps. */
  get link(): Link | undefined {
    return this.#connection?.link;
  }

  /** Each sample with its ground truth, which is never published. Returns the way to stop listening. */
  onSample(listener: (sample: DeviceSample) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Begins to publish; called once, by `startDevice`. */
  async run(connect: () => Promise<DeviceConnection>): Promise<void> {
    this.#connect = connect;
    this.#connection = await connect();
    this.#pace = { sent: 0, startedAtMs: performance.now() };
    this.#round();
  }

  /** Withdraws the tools and disconnects. Stopping twice is fine. */
  async stop(): Promise<void> {
    this.#end();
    this.#stopped = true;
    await this.sleep();
  }

  /** Disconnects as a device does that saves its battery; the machine goes on, unseen. Sleeping twice is fine. */
  sleep(): Promise<void> {
    return this.#inTurn(async () => {
      const connection = this.#connection;
      this.#connection = undefined;
      await connection?.close();
    });
  }

  /** Connects again, and carries out the commands that have come meanwhile. Rejects with LinkError; it sleeps on then. */
  wake(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#stopped) return;
      this.#connection ??= await this.#connect?.();
    });
  }

  #inTurn(act: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(act);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  describe(): Record<string, unknown> {
    const {
      bearing,
      channels,
      nominalRpm,
      minRpm,
      maxRpm,
      setpointEffect,
      type,
      kind,
      origin,
      maxCaptureSeconds,
    } = this.machine;
    const { rpm, running } = this.#setpoint;
    const { org, unit, deviceId } = this;
    const { rateHz, maxChunkBytes } = this.#settings;
    return {
      org,
      unit,
      deviceId,
      type,
      source: { kind, origin },
      at: this.#now(),
      telemetry: { topic: this.#topic, rateHz },
      channels,
      bearing,
      speed: {
        unit: 'rpm',
        nominal: nominalRpm,
        min: minRpm,
        max: maxRpm,
        setpoint: rpm,
        running,
        effect: setpointEffect,
      },
      waveform: {
        unit: 'g',
        maxSeconds: maxCaptureSeconds,
        chunkBytes: maxChunkBytes,
        encoding: 'base64-float32le',
      },
    };
  }

  capture(request: {
    readonly seconds?: number;
    readonly captureId?: string;
    readonly offset?: number;
  }): CaptureChunk {
    const captureId =
      request.captureId ?? this.#takeCapture(request.seconds ?? Math.min(1, this.machine.maxCaptureSeconds));
    return chunkOf(this.#captures.get(captureId), request.offset ?? 0, this.#settings.maxChunkBytes);
  }

  preview(command: DeviceCommand): CommandAnswer {
    return applyCommand(this.#setpoint, command, this.machine, this.#now());
  }

  command(command: DeviceCommand): CommandAnswer {
    const answer = this.preview(command);
    this.#setpoint = { rpm: answer.rpm, running: answer.running };
    return answer;
  }

  /** As the switch at the machine: until it is unlocked, no tool sets it in motion or changes its speed. `undefined` unlocks. */
  lockOut(by: string | undefined): void {
    this.#lockedBy = by;
  }

  /** The state of an interlock that blocks now and that only the device knows. */
  interlock(name: string): string | undefined {
    return name === LOCKOUT && this.#lockedBy !== undefined ? `locked by ${this.#lockedBy}` : undefined;
  }

  /** Of the last sample; empty before the first. */
  get channels(): DeviceSample['channels'] {
    return this.#channels;
  }

  #takeCapture(seconds: number): string {
    const { source } = this.#settings;
    const waveform = source.waveform(this.#sourceState, this.#setpoint, seconds, this.#captureCount);
    this.#captureCount += 1;
    const captureId = `${this.deviceId}-${randomUUID().slice(0, 8)}`;
    this.#captures.add({ captureId, at: this.#now(), waveform });
    return captureId;
  }

  #round(): void {
    const { rateHz, speed } = this.#settings;
    const perSecond = rateHz * speed;
    const { count, state } = due(this.#pace, performance.now(), perSecond);
    this.#pace = state;
    for (let sent = 0; sent < count && !this.#over; sent += 1) this.#step();
    if (this.#over) return;
    const nextAtMs = this.#pace.startedAtMs + (this.#pace.sent * 1000) / perSecond;
    const pauseMs = Math.max(SHORTEST_PAUSE_MS, nextAtMs - performance.now());
    this.#timer = setTimeout(() => this.#round(), pauseMs);
  }

  #step(): void {
    const { source, startAtMs, rateHz } = this.#settings;
    const next = source.next(this.#sourceState, this.#setpoint);
    if (next === undefined) return this.#end();
    this.#sourceState = next.state;
    this.#samples += 1;
    this.#channels = next.sample.channels;
    const at = deviceTime(startAtMs, next.sample.index, rateHz);
    this.#publish(JSON.stringify(telemetryRecord(this.deviceId, next.sample, at, this.#units)));
    for (const listener of this.#listeners) listener(next.sample);
  }

  /** QoS 0: a sample that cannot be sent now is lost, as with a real sensor. */
  #publish(payload: string): void {
    const { link } = this;
    if (link?.state !== 'online') {
      this.#lost += 1;
      return;
    }
    link
      .publish(this.#topic, payload, { qos: 0, payloadIsUtf8: true, contentType: 'application/json' })
      .catch((error: unknown) => {
        this.#lost += 1;
        this.#settings.logger.debug('telemetry lost', { deviceId: this.deviceId, error });
      });
  }

  /** Device time of the last sample. */
  #now(): string {
    return deviceTime(this.#settings.startAtMs, Math.max(0, this.#samples - 1), this.#settings.rateHz);
  }

  #end(): void {
    this.#over = true;
    clearTimeout(this.#timer);
    this.#settleEnded();
  }
}
