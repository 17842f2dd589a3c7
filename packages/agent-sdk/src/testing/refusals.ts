import { deepEqual, equal, ok } from 'node:assert/strict';
import type { JsonRpcError } from '@shoal/protocol';
import { classifyError } from '@shoal/protocol';
import type { ContractSetting, TestAgent } from './contract-case.ts';
import type { message } from './contract-case.ts';
import { params } from './contract-case.ts';
import type { WireClient, WireRequest } from './wire-client.ts';

export async function setUp(setting: ContractSetting): Promise<{ client: WireClient; echo: TestAgent }> {
  return { echo: await setting.agent(), client: await setting.client() };
}

/** The agent still answers, and with one connection the answer also proves that everything before it was dealt with. */
export async function assertAlive(client: WireClient, echo: TestAgent): Promise<void> {
  const { result } = await client
    .request(echo.address, { method: 'SendMessage', params: params('alive?') })
    .next();
  equal(result.task?.status.state, 'TASK_STATE_COMPLETED');
}

export async function assertRefused(
  setting: ContractSetting,
  request: WireRequest,
  code: number,
): Promise<JsonRpcError> {
  const { client, echo } = await setUp(setting);
  const { error } = await client.request(echo.address, request).next();
  equal(error.code, code);
  await assertAlive(client, echo);
  equal(echo.runs.length, 1, 'the refused request was not executed');
  return error;
}

export function assertBinding(error: JsonRpcError | undefined, name: string): void {
  ok(error !== undefined);
  deepEqual(
    { ...classifyError(error), retryable: undefined },
    { family: 'binding', name, retryable: undefined },
  );
}

export const send = (fields: Parameters<typeof message>[1], text = 'x'): WireRequest => ({
  method: 'SendMessage',
  params: params(text, fields),
});
