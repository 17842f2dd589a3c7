import type { Requester } from '@shoal/agent-sdk';
import { whyTooLate, withdrawApproval } from '@shoal/device-tools';
import { connectMcp, type McpConnection } from '@shoal/mcp-mqtt';
import type { Link } from '@shoal/mqtt-link';
import type { AgentAddress, DeviceAddress, Message, Task, ToolApproval } from '@shoal/protocol';
import type { Scope } from '../core/scope.ts';
import { toolView, type ToolView } from '../core/tool-view.ts';
import type { Credentials } from './credentials.ts';

/** What the device offers, read from its MCP server. Nothing is called there: orders go through the device's agent. */
export async function listDeviceTools(
  credentials: Credentials,
  device: DeviceAddress,
  signal: AbortSignal,
): Promise<readonly ToolView[]> {
  const connection = await openTools(credentials, device, signal);
  try {
    const { tools } = await connection.client.listTools();
    return tools.map(toolView);
  } finally {
    await connection.close();
  }
}

/** Takes a word back; rejects when a call was made under it, or with LinkError or DeviceToolError. */
export async function withdrawWord(
  link: Link,
  credentials: Credentials,
  { approvalId, deviceId }: ToolApproval,
  scope: Scope,
): Promise<void> {
  const device = { ...scope, deviceId };
  let connection: McpConnection | undefined;
  try {
    const withdrawal = await withdrawApproval(link, device, approvalId, async () => {
      connection = await openTools(credentials, device, AbortSignal.timeout(10_000));
      return connection.client;
    });
    const late = whyTooLate(withdrawal);
    if (late !== undefined) throw new Error(late);
  } finally {
    await connection?.close();
  }
}

function openTools(
  { url, username, secret }: Credentials,
  { org, unit, deviceId }: DeviceAddress,
  signal: AbortSignal,
): Promise<McpConnection> {
  return connectMcp({
    url,
    serverName: `shoal/${org}/${unit}/${deviceId}`,
    discoveryTimeoutMs: 5_000,
    signal,
    ...(username === '' ? {} : { username }),
    ...(secret === '' ? {} : { password: secret }),
  });
}

/** Orders the tool from the device's agent, the one door to the device. Rejects with A2aError. */
export function orderTool(
  requester: Requester,
  agent: AgentAddress,
  tool: string,
  args: Readonly<Record<string, unknown>>,
): Promise<Task | Message> {
  return requester.send(
    agent,
    { data: { skill: 'operate', tool, args } },
    { firstReplyTimeoutMs: 60_000, maxAttempts: 1 },
  );
}

/** Says yes or no to a task that asks for it. */
export function decideTask(
  requester: Requester,
  agent: AgentAddress,
  taskId: string,
  decision: 'approve' | 'deny',
): Promise<Task | Message> {
  return requester.send(
    agent,
    { text: decision, data: { decision }, taskId },
    { firstReplyTimeoutMs: 60_000 },
  );
}
