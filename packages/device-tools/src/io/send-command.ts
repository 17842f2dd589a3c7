import { randomUUID } from 'node:crypto';
import { readRetained, type Link, type ReadRetainedOptions } from '@shoal/mqtt-link';
import { endSpan, startSpan } from '@shoal/mqtt-link/tracing';
import {
  assertValid,
  deviceTopics,
  parseShoalTopic,
  type DeviceAddress,
  type DeviceCommand,
  type DeviceCommandCancel,
} from '@shoal/protocol';
import { canonical } from '../core/canonical.ts';
import { commandState, CommandViews, FINAL_STATES, type DeviceCommandView } from '../core/command-view.ts';
import { DeviceToolError } from '../core/errors.ts';

/** For an EMQX that paces what it keeps: see `readRetained`. */
const SETTLE_MS = 250;

export interface SendCommandOptions {
  readonly tool: string;
  readonly args?: Readonly<Record<string, unknown>>;
  /** The device does not begin it later than this. 1 to 31 536 000. */
  readonly deadlineSeconds: number;
  /** Who wants it, for people and for the device's log. */
  readonly by: string;
  /** Same id, same command: sending it twice is sending it once. Default: a new one. */
  readonly commandId?: string;
  /** Of a person, for a tool whose risk needs one. */
  readonly approvalId?: string;
  /** How long what became of it can be read after the deadline. Default 604 800: a week. */
  readonly retentionSeconds?: number;
}

/**
 * Leaves a command for a device, whether it is there or not. Resolves when the broker has it: it is `queued` then, and nothing more is
 * known. Rejects with LinkError, `command-conflict` when another command has this id, ProtocolError for what is no command.
 */
export async function sendDeviceCommand(
  link: Link,
  device: DeviceAddress,
  options: SendCommandOptions,
  reading: ReadRetainedOptions = {},
): Promise<DeviceCommand> {
  const { commandId = randomUUID(), tool, args = {}, deadlineSeconds, by, approvalId } = options;
  const { retentionSeconds = 604_800 } = options;
  if (!(deadlineSeconds >= 1 && deadlineSeconds <= 31_536_000))
    throw new DeviceToolError(
      'invalid-command',
      `deadlineSeconds must be from 1 to 31536000, is ${deadlineSeconds}`,
    );
  const topics = deviceTopics(device).command(commandId);
  const span = startSpan('@shoal/device-tools', `queue ${tool}`, {
    kind: 'producer',
    attributes: { 'shoal.device.id': device.deviceId, 'shoal.command.id': commandId },
  });
  try {
    const now = Date.now();
    const command: DeviceCommand = {
      schemaVersion: 1,
      commandId,
      deviceId: device.deviceId,
      tool,
      args: { ...args },
      ...(approvalId === undefined ? {} : { approvalId }),
      by,
      at: new Date(now).toISOString(),
      deadlineAt: new Date(now + deadlineSeconds * 1000).toISOString(),
      retentionSeconds,
      ...(span?.carrier === undefined ? {} : { trace: span.carrier }),
    };
    assertValid('DeviceCommand', command);
    const known = (await readView(link, device, commandId, reading)).command;
    if (known !== undefined) {
      if (known.tool === tool && canonical(known.args) === canonical(command.args)) return known;
      throw new DeviceToolError('command-conflict', `${commandId} is another command of this device already`);
    }
    // From now, not from when it was asked for; and rounded down: a device must not take it for later than it is.
    const leftSeconds = Math.floor((Date.parse(command.deadlineAt) - Date.now()) / 1000);
    await put(link, topics.command, command, leftSeconds + retentionSeconds);
    return command;
  } finally {
    endSpan(span);
  }
}

/** `canceled`: it was not begun and never will be. `late`: the device had taken it up; its own word says what it does. */
export type CancelAnswer = 'canceled' | 'late' | 'ended';

/**
 * Takes a command back. Write, then read, on both sides: the device reads the cancellation after it has accepted, this reads the status
 * after it has canceled, so at least one of the two knows. Rejects with LinkError, or `no-such-command`.
 */
export async function cancelDeviceCommand(
  link: Link,
  device: DeviceAddress,
  commandId: string,
  { by, reason }: { readonly by: string; readonly reason?: string },
  reading: ReadRetainedOptions = {},
): Promise<CancelAnswer> {
  const before = await readView(link, device, commandId, reading);
  const { command } = before;
  if (command === undefined)
    throw new DeviceToolError('no-such-command', `${device.deviceId} has no command ${commandId}`);
  if (isEnded(before)) return before.cancel?.state === 'effective' ? 'canceled' : 'ended';
  const { cancel } = deviceTopics(device).command(commandId);
  const keptSeconds = (Date.parse(command.deadlineAt) - Date.now()) / 1000 + command.retentionSeconds;
  const record: DeviceCommandCancel = {
    schemaVersion: 1,
    commandId,
    deviceId: device.deviceId,
    state: 'requested',
    by,
    ...(reason === undefined ? {} : { reason }),
    at: new Date().toISOString(),
  };
  await put(link, cancel, record, keptSeconds);
  const after = await readView(link, device, commandId, reading);
  const told = after.status?.state;
  if (told === 'canceled') return 'canceled';
  if (told !== undefined && told !== 'delivered') return FINAL_STATES.has(told) ? 'ended' : 'late';
  await put(link, cancel, { ...record, state: 'effective' }, keptSeconds);
  return 'canceled';
}

/** Every command of a device that the broker still has, in the order in which they were wanted. Rejects with LinkError. */
export async function readDeviceCommands(
  link: Link,
  device: DeviceAddress,
  reading: ReadRetainedOptions = {},
): Promise<readonly DeviceCommandView[]> {
  return (await readViews(link, device, deviceTopics(device).commands, reading)).all();
}

/**
 * Resolves with the view of a command when it has come to its end. Rejects with `no-such-command`, LinkError, or the reason of the signal.
 */
export async function waitForDeviceCommand(
  link: Link,
  device: DeviceAddress,
  commandId: string,
  { signal }: { readonly signal?: AbortSignal } = {},
  reading: ReadRetainedOptions = {},
): Promise<DeviceCommandView> {
  const views = new CommandViews();
  let look: () => void = () => undefined;
  const { command } = deviceTopics(device).command(commandId);
  const subscription = await link.subscribe(`${command}/#`, ({ topic, payload }) => {
    views.take(topic, payload);
    look();
  });
  const poll = setInterval(() => look(), 1_000);
  try {
    const first = await readView(link, device, commandId, reading);
    if (first.command === undefined)
      throw new DeviceToolError('no-such-command', `${device.deviceId} has no command ${commandId}`);
    if (isEnded(first)) return first;
    return await new Promise((resolve, reject) => {
      const abort = (): void => reject(signal?.reason as Error);
      signal?.addEventListener('abort', abort, { once: true });
      if (signal?.aborted === true) abort();
      look = () => {
        const view = views.get(commandId);
        if (view !== undefined && isEnded(view)) resolve(view);
      };
      look();
    });
  } finally {
    clearInterval(poll);
    await subscription.close();
  }
}

function isEnded(view: DeviceCommandView): boolean {
  const state = commandState(view, Date.now());
  return state !== undefined && FINAL_STATES.has(state);
}

async function readView(
  link: Link,
  device: DeviceAddress,
  commandId: string,
  reading: ReadRetainedOptions,
): Promise<DeviceCommandView> {
  const { command } = deviceTopics(device).command(commandId);
  return (await readViews(link, device, `${command}/#`, reading)).get(commandId) ?? { commandId };
}

async function readViews(
  link: Link,
  { deviceId }: DeviceAddress,
  filter: string,
  reading: ReadRetainedOptions,
): Promise<CommandViews> {
  const views = new CommandViews(100_000);
  for (const [topic, { payload }] of await readRetained(link, filter, { settleMs: SETTLE_MS, ...reading })) {
    const at = parseShoalTopic(topic);
    if (at !== undefined && 'deviceId' in at && at.deviceId === deviceId) views.take(topic, payload);
  }
  return views;
}

async function put(link: Link, topic: string, record: object, keptSeconds: number): Promise<void> {
  await link.publish(topic, JSON.stringify(record), {
    qos: 1,
    retain: true,
    contentType: 'application/json',
    payloadIsUtf8: true,
    messageExpirySeconds: Math.max(60, Math.ceil(keptSeconds)),
  });
}
