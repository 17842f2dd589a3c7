import { randomUUID } from 'node:crypto';
import { LONGEST_APPROVAL_MS } from '@shoal/device-tools';
import { assertValid, deviceTopics, type ToolApproval } from '@shoal/protocol';
import { signApproval } from '@shoal/protocol/signing';
import { parseObject } from '../../connection/ask.ts';
import { deviceAddress, deviceName } from '../../connection/devices.ts';
import { readSigningKey, type FileKey } from '../../connection/signing-key.ts';
import { whoActs } from '../../connection/who.ts';
import { usageError } from '../../errors.ts';
import { printable } from '../../output/printable.ts';
import { implement, type Implementation } from '../../program/leaf.ts';
import type { DeviceApproval } from '../../shapes/devices.ts';

interface ApproveFlags {
  readonly args?: string;
  readonly within?: string;
  readonly id?: string;
  readonly by?: string;
  readonly reason?: string;
  readonly signingKey?: string;
  readonly kid?: string;
}

const LONGEST_SECONDS = LONGEST_APPROVAL_MS / 1000;

/** Retains the word of a person on one call of a tool: this device, this tool, these arguments, for a while, once. */
export function approval(action: ToolApproval['action']): Implementation {
  return implement<DeviceApproval>({
    async run(context, [text = '', tool = ''], given) {
      const flags = given as ApproveFlags;
      const { args = '{}', within = '900', id = randomUUID(), reason, signingKey, kid } = flags;
      const seconds = secondsOf(within);
      if (kid !== undefined && signingKey === undefined) throw usageError('--kid names a --signing-key');
      const device = deviceAddress(context, text);
      const by = whoActs(context, flags.by);
      const key = signingKey === undefined ? undefined : await readSigningKey(signingKey, kid);
      const now = Date.now();
      const unsigned: ToolApproval = {
        schemaVersion: 1,
        approvalId: id,
        deviceId: device.deviceId,
        tool,
        args: parseObject('--args', args),
        action,
        by,
        ...(reason === undefined ? {} : { reason }),
        at: new Date(now).toISOString(),
        expiresAt: new Date(now + seconds * 1000).toISOString(),
      };
      const record = key === undefined ? unsigned : await sign(unsigned, device, key);
      assertValid('ToolApproval', record);
      const topic = deviceTopics(device).approval(id);
      const link = await context.connect();
      // The broker lets go of what approves nothing any more.
      const publishing = { qos: 1, retain: true, messageExpirySeconds: Math.ceil(seconds) } as const;
      await link.publish(topic, JSON.stringify(record), publishing);
      const { schemaVersion: _version, deviceId: _device, signatures: _signatures, ...said } = record;
      return {
        device: deviceName(device),
        ...said,
        reason: reason ?? null,
        signedWith: key?.kid ?? null,
        topic,
      };
    },
    text: ({ action: word, approvalId, device, tool, args, by, expiresAt, signedWith }) => {
      const signed = signedWith === null ? 'not signed' : `signed with ${printable(signedWith)}`;
      const call = `${printable(tool)} ${printable(JSON.stringify(args))} on ${device}`;
      return `${word === 'approve' ? 'approved' : 'denied'}  ${approvalId}  ${call} by ${by} until ${expiresAt}, ${signed}\n`;
    },
  });
}

function secondsOf(within: string): number {
  const seconds = Number(within);
  if (seconds >= 1 && seconds <= LONGEST_SECONDS) return seconds;
  throw usageError(`--within takes 1 to ${LONGEST_SECONDS} seconds, not "${within}"`);
}

async function sign(
  record: ToolApproval,
  device: { readonly org: string; readonly unit: string },
  { key, kid, alg }: FileKey,
): Promise<ToolApproval> {
  try {
    return await signApproval(record, device, { key, kid, alg });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw usageError(`--signing-key: the key ${kid} cannot sign with ${alg}: ${why}`, 'invalid-key');
  }
}
