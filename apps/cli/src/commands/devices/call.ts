import { callJsonTool } from '@shoal/mcp-mqtt';
import type { JsonObject, Task, Message } from '@shoal/protocol';
import { createRequester } from '@shoal/agent-sdk';
import { parseClientId } from '@shoal/protocol';
import { parseObject } from '../../connection/ask.ts';
import { deviceName, findDevice, openTools, readTools, type FoundDevice } from '../../connection/devices.ts';
import { CliError, usageError } from '../../errors.ts';
import { printable } from '../../output/printable.ts';
import { formatTable } from '../../output/table.ts';
import type { Context } from '../../program/context.ts';
import { implement } from '../../program/leaf.ts';
import type { DeviceCall, DeviceTools } from '../../shapes/devices.ts';

interface CallFlags {
  readonly args?: string;
  readonly yes?: boolean;
  readonly direct?: boolean;
  readonly approval?: string;
}

export const tools = implement<DeviceTools>({
  async run(context, [text = '']) {
    const device = await findDevice(context, await context.connect(), text);
    return { device: deviceName(device), tools: [...(await readTools(await openTools(context, device)))] };
  },
  text: ({ tools: found }, style) =>
    formatTable(
      found,
      [
        { title: 'TOOL', value: ({ name }) => name },
        {
          title: 'RISK',
          value: ({ risk }) => risk,
          paint: ({ risk }) => (risk === 'read' ? style.good : style.warn),
        },
        { title: 'DESCRIPTION', value: ({ description }) => description },
      ],
      style,
    ),
});

export const call = implement<DeviceCall>({
  async run(context, [text = '', name = ''], given) {
    const { args = '{}', yes = false, direct = false, approval } = given as CallFlags;
    const approved = approval === undefined ? {} : { approvalId: approval };
    const input = parseObject('--args', args);
    const link = await context.connect();
    const device = await findDevice(context, link, text);
    const connection = await openTools(context, device);
    const known = await readTools(connection);
    const tool = known.find((one) => one.name === name);
    if (tool === undefined)
      throw new CliError(
        'not-found',
        `${device.deviceId} has no tool "${name}": it has ${known.map((one) => one.name).join(', ')}`,
        {
          code: 'unknown-tool',
        },
      );
    const { risk } = tool;
    if (risk !== 'read' && !yes)
      throw usageError(`${name} acts on the device (${risk}): say --yes to do it`, 'not-confirmed');
    const base = { device: deviceName(device), tool: name, risk } as const;
    if (risk === 'read' || direct) {
      const result = await context.waiting(
        `${name} on ${device.deviceId}`,
        callJsonTool(connection.client, name, { ...input, ...approved }),
      );
      return { ...base, via: 'device', ok: true, result, error: null };
    }
    return {
      ...base,
      via: 'agent',
      ...(await orderFromAgent(context, device, { tool: tool.name, args: input, ...approved })),
    };
  },
  text: ({ ok, result, error }, style) =>
    ok
      ? `${printable(JSON.stringify(result, undefined, 2), 'lines')}\n`
      : `${style.bad('failed')}  ${printable(error ?? '')}\n`,
  outcome: ({ ok }) => (ok ? 'ok' : 'failed'),
});

/** What acts goes through the device's agent, its one door (docs/architecture.md, rule 6). */
async function orderFromAgent(
  context: Context,
  { org, unit, deviceId }: FoundDevice,
  order: { readonly tool: string; readonly args: JsonObject; readonly approvalId?: string },
): Promise<Pick<DeviceCall, 'ok' | 'result' | 'error'>> {
  const link = await context.connect();
  const own = parseClientId(link.clientId) ?? { org, unit, agentId: link.clientId.replaceAll('/', '_') };
  const requester = createRequester({ link, address: own });
  context.atEnd(() => requester.close());
  const sent = requester.send(
    { org, unit, agentId: deviceId },
    { data: { skill: 'operate', ...order } },
    { firstReplyTimeoutMs: context.settings.timeoutMs, maxAttempts: 1, signal: context.signal },
  );
  const answer = await context.waiting(`asking the agent of ${deviceId}`, sent).catch((error: unknown) => {
    if ((error as { code?: unknown }).code !== 'no-responder') throw error;
    throw new CliError(
      'not-found',
      `${deviceId} has no agent that answers, and what acts goes through it: start it, or say --direct`,
      { code: 'no-device-agent', cause: error },
    );
  });
  return readAnswer(answer);
}

function readAnswer(answer: Task | Message): Pick<DeviceCall, 'ok' | 'result' | 'error'> {
  const parts =
    'status' in answer ? (answer.artifacts ?? []).flatMap((artifact) => artifact.parts) : answer.parts;
  const data = parts.find((part) => part.data !== undefined)?.data as
    | { ok?: boolean; result?: unknown; error?: string }
    | undefined;
  if (data?.ok === true) return { ok: true, result: data.result ?? null, error: null };
  const said =
    'status' in answer
      ? answer.status.message?.parts.find((part) => part.text !== undefined)?.text
      : undefined;
  return { ok: false, result: null, error: data?.error ?? said ?? 'the agent gave no reason' };
}
