import { withdrawApproval } from '@shoal/device-tools';
import { deviceAddress, deviceName, findDevice, openTools } from '../../connection/devices.ts';
import { CliError } from '../../errors.ts';
import { printable } from '../../output/printable.ts';
import { implement } from '../../program/leaf.ts';
import type { DeviceWithdrawal } from '../../shapes/devices.ts';

/** Takes an approval back; fails with `too-late` when a call was made under it. */
export const withdraw = implement<DeviceWithdrawal>({
  async run(context, [text = '', approvalId = '']) {
    const device = deviceAddress(context, text);
    const link = await context.connect();
    const { approval, used } = await withdrawApproval(link, device, approvalId, async () => {
      const found = await findDevice(context, link, deviceName(device));
      return (await openTools(context, found)).client;
    });
    const { tool, args, by } = approval;
    if (used === true)
      throw new CliError(
        'failed',
        `${approvalId} was used: ${tool} was called on ${device.deviceId} under it, and nothing undoes that. No other call can be made under it`,
        { code: 'too-late' },
      );
    return { device: deviceName(device), approvalId, tool, args, by, used: used ?? null };
  },
  text: ({ approvalId, tool, args, device, by, used }) => {
    const call = `${printable(tool)} ${printable(JSON.stringify(args))} on ${device}`;
    const doubt =
      used === null ? '; the device could not be asked whether a call was made under it before' : '';
    return `withdrawn  ${printable(approvalId)}  ${call}, approved by ${printable(by)}${doubt}\n`;
  },
});
