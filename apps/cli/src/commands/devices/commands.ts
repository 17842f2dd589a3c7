import {
  cancelDeviceCommand,
  commandState,
  readDeviceCommands,
  sendDeviceCommand,
  waitForDeviceCommand,
  type DeviceCommandView,
} from '@shoal/device-tools';
import { parseObject } from '../../connection/ask.ts';
import { deviceAddress, deviceName } from '../../connection/devices.ts';
import { whoActs } from '../../connection/who.ts';
import { CliError, usageError } from '../../errors.ts';
import { printable } from '../../output/printable.ts';
import { formatTable } from '../../output/table.ts';
import { implement } from '../../program/leaf.ts';
import type { DeviceCommandRow, DeviceCommands } from '../../shapes/devices.ts';

interface CommandFlags {
  readonly args?: string;
  readonly within?: string;
  readonly id?: string;
  readonly approval?: string;
  readonly by?: string;
  readonly yes?: boolean;
  readonly wait?: boolean;
}

/** Leaves a command for a device that need not be there. */
export const command = implement<DeviceCommandRow>({
  async run(context, [text = '', tool = ''], given) {
    const {
      args = '{}',
      within = '86400',
      id,
      approval,
      by,
      yes = false,
      wait = false,
    } = given as CommandFlags;
    const input = parseObject('--args', args);
    if (!yes) throw usageError(`${tool} may act on the device: say --yes to have it done`, 'not-confirmed');
    const device = deviceAddress(context, text);
    const link = await context.connect();
    const sent = await sendDeviceCommand(link, device, {
      tool,
      args: input,
      deadlineSeconds: Number(within),
      by: whoActs(context, by),
      ...(id === undefined ? {} : { commandId: id }),
      ...(approval === undefined ? {} : { approvalId: approval }),
    });
    const view: DeviceCommandView = wait
      ? await context.waiting(
          `${device.deviceId} has until ${sent.deadlineAt}`,
          waitForDeviceCommand(link, device, sent.commandId, { signal: context.signal }),
        )
      : { commandId: sent.commandId, command: sent };
    return rowOf(view);
  },
  text: ({ commandId, state, error, result }) =>
    `${state}  ${commandId}${error === null ? '' : `  ${printable(error)}`}${result === null ? '' : `  ${printable(JSON.stringify(result))}`}\n`,
  outcome: ({ state }) =>
    state === 'failed' || state === 'unknown' || state === 'expired' ? 'failed' : 'ok',
});

/** What waits for a device, and what became of what did. */
export const commands = implement<DeviceCommands>({
  async run(context, [text = '']) {
    const device = deviceAddress(context, text);
    const views = await readDeviceCommands(await context.connect(), device);
    return { device: deviceName(device), commands: views.filter(hasCommand).map(rowOf) };
  },
  text: ({ commands: rows }, style) =>
    formatTable(
      rows,
      [
        { title: 'STATE', value: ({ state }) => state },
        { title: 'TOOL', value: ({ tool, args }) => `${tool} ${JSON.stringify(args)}` },
        { title: 'BY', value: ({ by }) => by },
        { title: 'UNTIL', value: ({ deadlineAt }) => deadlineAt },
        { title: 'ID', value: ({ commandId }) => commandId },
        { title: 'ERROR', value: ({ error }) => error ?? '' },
      ],
      style,
    ),
});

/** Takes a command back, if the device has not taken it up. */
export const cancel = implement<DeviceCommandRow>({
  async run(context, [text = '', commandId = ''], given) {
    const { by, reason } = given as { readonly by?: string; readonly reason?: string };
    const device = deviceAddress(context, text);
    const link = await context.connect();
    const why = reason === undefined ? {} : { reason };
    const answer = await cancelDeviceCommand(link, device, commandId, { by: whoActs(context, by), ...why });
    const view = (await readDeviceCommands(link, device)).find((each) => each.commandId === commandId);
    if (answer !== 'canceled')
      throw new CliError(
        'failed',
        `${device.deviceId} has taken it up: ${rowOf(view ?? { commandId }).state}`,
        {
          code: 'too-late',
        },
      );
    return rowOf(view ?? { commandId });
  },
  text: ({ commandId, state }) => `${state}  ${commandId}\n`,
});

function hasCommand({ command: record }: DeviceCommandView): boolean {
  return record !== undefined;
}

function rowOf(view: DeviceCommandView): DeviceCommandRow {
  const { commandId, command: record, status } = view;
  const error = status?.error;
  return {
    commandId,
    state: commandState(view, Date.now()) ?? 'unknown',
    tool: record?.tool ?? '',
    args: record?.args ?? {},
    by: record?.by ?? '',
    at: record?.at ?? '',
    deadlineAt: record?.deadlineAt ?? '',
    trail: (status?.trail ?? []).map(({ state, at }) => ({ state, at })),
    result: status?.result ?? null,
    error: error === undefined ? null : `${error.code}: ${error.message}`,
  };
}
