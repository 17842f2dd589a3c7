import { readRetained, type Link, type ReadRetainedOptions } from '@shoal/mqtt-link';
import {
  deviceTopics,
  isIdentifier,
  parseJson,
  validateToolApproval,
  type DeviceAddress,
  type ToolApproval,
} from '@shoal/protocol';
import { isRecord, readDeclaration } from '../core/declaration.ts';
import { DeviceToolError } from '../core/errors.ts';

/** What is asked of an MCP client of the device; `Client` of the official SDK is one. */
export interface ToolCaller {
  listTools(): Promise<{ readonly tools: readonly { readonly name: string; readonly _meta?: unknown }[] }>;
  callTool(call: {
    readonly name: string;
    readonly arguments: Record<string, unknown>;
  }): Promise<{ readonly structuredContent?: unknown }>;
}

export interface Withdrawal {
  readonly approval: ToolApproval;
  /** Whether a call was made under it before; unset when the device could not be asked, or has begun anew since. */
  readonly used?: boolean;
}

/** For an EMQX that paces what it keeps: see `readRetained`. */
const SETTLE_MS = 250;

/**
 * Takes an approval back: once this resolves no call is made under it. It is removed first and the device asked afterwards, so a call
 * that was quicker is told (`used`); nothing undoes that call. `device` opens the tools of the device. Rejects with `no-such-approval`,
 * LinkError.
 */
export async function withdrawApproval(
  link: Link,
  address: DeviceAddress,
  approvalId: string,
  device?: () => Promise<ToolCaller>,
  reading: ReadRetainedOptions = {},
): Promise<Withdrawal> {
  const approval = await readApproval(link, address, approvalId, reading);
  if (approval === undefined)
    throw new DeviceToolError(
      'no-such-approval',
      `${address.deviceId} has no approval ${approvalId}: it expired or was taken back, or has another id`,
    );
  await link.publish(deviceTopics(address).approval(approvalId), '', { qos: 1, retain: true });
  const used = await wasUsed(approval, device).catch(() => undefined);
  return { approval, ...(used === undefined ? {} : { used }) };
}

/** What to tell whoever took an approval back too late; undefined: it is not known to have been used. */
export function whyTooLate({
  used,
  approval: { approvalId, tool, deviceId },
}: Withdrawal): string | undefined {
  if (used !== true) return undefined;
  return `${approvalId} was used: ${tool} was called on ${deviceId} under it, and nothing undoes that. No other call can be made under it`;
}

async function readApproval(
  link: Link,
  address: DeviceAddress,
  approvalId: string,
  reading: ReadRetainedOptions,
): Promise<ToolApproval | undefined> {
  if (!isIdentifier(approvalId)) return undefined;
  const topic = deviceTopics(address).approval(approvalId);
  const message = (await readRetained(link, topic, { settleMs: SETTLE_MS, ...reading })).get(topic);
  const json = message === undefined ? undefined : parseJson(message.payload);
  const approval = json?.ok === true ? validateToolApproval(json.value) : undefined;
  return approval?.ok === true ? approval.value : undefined;
}

/** A dry run of the approved call, under a key of its own, is refused for one reason or another: with the one that is looked for. */
async function wasUsed(
  { approvalId, tool, args }: ToolApproval,
  device: (() => Promise<ToolCaller>) | undefined,
): Promise<boolean | undefined> {
  const caller = await device?.();
  if (caller === undefined) return undefined;
  const { _meta: meta } = (await caller.listTools()).tools.find(({ name }) => name === tool) ?? {};
  // What has no guard may not know a dry run, and would act.
  if (readDeclaration(meta)?.guarded !== true) return undefined;
  const answer = await caller.callTool({
    name: tool,
    arguments: { ...args, approvalId, requestId: `withdraw-${crypto.randomUUID()}`, dryRun: true },
  });
  const said = isRecord(answer.structuredContent) ? answer.structuredContent['refusal'] : undefined;
  const code = isRecord(said) ? said['code'] : undefined;
  if (code === 'approval-used') return true;
  return code === 'approval-required' ? false : undefined;
}
