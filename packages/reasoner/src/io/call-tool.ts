import type { ReasoningToolCall } from '@shoal/protocol';
import { checkJson } from '../core/check-json.ts';
import { fence } from '../core/fence.ts';
import type { OfferedTool, ReasoningTask, ToolGate } from '../types.ts';

export interface ToolAnswer {
  readonly call: ReasoningToolCall;
  /** What the model is told: fenced, whether it worked or not. */
  readonly text: string;
}

/** Makes one call that the model asked for, if the tool exists, its arguments fit and the gate admits it. Never throws. */
export async function callTool(
  task: ReasoningTask<unknown>,
  name: string,
  args: unknown,
  gate: ToolGate,
  delimiter: string,
  signal: AbortSignal,
): Promise<ToolAnswer> {
  const refuse = (reason: string): ToolAnswer => ({
    call: { tool: name.slice(0, 200), admitted: false, reason: reason.slice(0, 400) },
    text: fence('refused', reason, delimiter),
  });
  const tool = task.tools?.find((offered) => offered.name === name);
  if (tool === undefined) return refuse('there is no such tool');
  try {
    const fits = checkJson(tool.inputSchema, args);
    if (!fits.ok) return refuse(`arguments: ${fits.problems}`);
    const { purpose, sessionId, stepId, attempt } = task;
    const admission = await gate.admit({
      tool,
      args: args as Record<string, unknown>,
      purpose,
      ...(sessionId === undefined ? {} : { sessionId }),
      ...(stepId === undefined ? {} : { stepId }),
      ...(attempt === undefined ? {} : { attempt }),
    });
    if (!admission.admitted) return refuse(admission.reason);
  } catch (error) {
    // A gate that breaks admits nothing.
    return refuse(`the gate failed: ${textOf(error)}`);
  }
  return run(tool, args as Record<string, unknown>, delimiter, signal);
}

async function run(
  tool: OfferedTool,
  args: Record<string, unknown>,
  delimiter: string,
  signal: AbortSignal,
): Promise<ToolAnswer> {
  try {
    const result = await tool.call(args, signal);
    return {
      call: { tool: tool.name, admitted: true },
      text: fence(`result of ${tool.name}`, result, delimiter),
    };
  } catch (error) {
    const message = textOf(error);
    return {
      call: { tool: tool.name, admitted: true, error: message.slice(0, 400) },
      text: fence(`error of ${tool.name}`, message, delimiter),
    };
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
