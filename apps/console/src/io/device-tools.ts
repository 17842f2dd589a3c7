import type { Requester } from '@shoal/agent-sdk';
import { connectMcp } from '@shoal/mcp-mqtt';
import type { AgentAddress, Task, Message } from '@shoal/protocol';
import { toolView, type ToolView } from '../core/tool-view.ts';
import type { Credentials } from './credentials.ts';

/** What the device offers, read from its MCP server. Nothing is called there: orders go through the device's agent. */
export async function listDeviceTools(
  { url, username, secret }: Credentials,
  device: { readonly org: string; readonly unit: string; readonly deviceId: string },
  signal: AbortSignal,
): Promise<readonly ToolView[]> {
  const connection = await connectMcp({
    url,
    serverName: `shoal/${device.org}/${device.unit}/${device.deviceId}`,
    discoveryTimeoutMs: 5_000,
    signal,
    ...(username === '' ? {} : { username }),
    ...(secret === '' ? {} : { password: secret }),
  });
  try {
    const { tools } = await connection.client.listTools();
    return tools.map(toolView);
  } finally {
    await connection.close();
  }
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
