import { whyTooLate, withdrawApproval } from '@shoal/device-tools';
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
    const withdrawal = await withdrawApproval(link, device, approvalId, async () => {
      const found = await findDevice(context, link, deviceName(device));
      return (await openTools(context, found)).client;
    });
    const late = whyTooLate(withdrawal);
    if (late !== undefined) throw new CliError('failed', late, { code: 'too-late' });
    const { tool, args, by } = withdrawal.approval;
    return { device: deviceName(device), approvalId, tool, args, by, used: withdrawal.used ?? null };
  },
  text: ({ approvalId, tool, args, device, by, used }) => {
    const call = `${printable(tool)} ${printable(JSON.stringify(args))} on ${device}`;
    const doubt =
      used === null ? '; the device could not be asked whether a call was made under it before' : '';
    return `withdrawn  ${printable(approvalId)}  ${call}, approved by ${printable(by)}${doubt}\n`;
  },
});
