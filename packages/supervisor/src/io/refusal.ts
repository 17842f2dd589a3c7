import { a2aError, invalidParams, type JsonRpcError, type SendMessageRequest } from '@shoal/protocol';
import { isWorkflowError, type SessionView, type Workflow } from '@shoal/workflow';

/** An error that goes back to the requester. */
export class Refusal extends Error {
  readonly rpc: JsonRpcError;

  constructor(rpc: JsonRpcError) {
    super(rpc.message);
    this.rpc = rpc;
  }
}

export function refuseField(field: string, message: string): Refusal {
  return new Refusal(invalidParams([{ field, message }], `${field} ${message}`));
}

export function notFound(id: string): Refusal {
  return new Refusal(a2aError('TaskNotFound', `no task ${id.slice(0, 64)}`));
}

/** What the request asks cannot be planned or decided: the requester is told why. */
export function orRefuse<T>(act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (!isWorkflowError(error)) throw error;
    throw new Refusal(invalidParams([{ field: 'message', message: error.message }], error.message));
  }
}

/** A repeated task id must mean the same workflow and context (reference A4). */
export function checkSame(view: SessionView, workflow: Workflow, { message }: SendMessageRequest): void {
  const { session } = view;
  if (session === undefined) return;
  if (session.workflowId !== workflow.id)
    throw refuseField('message.taskId', `is taken by a session of workflow ${session.workflowId}`);
  if (message.contextId !== undefined && message.contextId !== session.contextId)
    throw refuseField('message.contextId', 'is not the context of this task');
}
