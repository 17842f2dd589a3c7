import {
  bindingError,
  type SendMessageRequest,
  type SessionRecord,
  type TraceContext,
} from '@shoal/protocol';
import { derivedTaskId, planRerun, planWorkflow, type Workflow } from '@shoal/workflow';
import { orRefuse, Refusal, refuseField } from './refusal.ts';
import type { SessionStore } from './session-store.ts';

/** Sessions within sessions. A workflow that calls itself ends there. */
export const MAX_DEPTH = 8;

export interface PlanRequest {
  readonly workflow: Workflow;
  readonly sessionId: string;
  readonly params: SendMessageRequest;
  readonly store: SessionStore;
  readonly org: string;
  readonly unit: string;
  readonly trace?: TraceContext | undefined;
  readonly now: number;
}

/** The plan that a request asks for: of the workflow, or of an earlier session from a step on. The same on every supervisor. */
export async function planRequest(request: PlanRequest): Promise<SessionRecord> {
  const { workflow, sessionId, params, store, org, unit, trace, now } = request;
  const { message } = params;
  // The same on every supervisor, also when the requester named none.
  const contextId = message.contextId ?? sessionId;
  const rerun = objectOf(params, 'rerun');
  if (rerun !== undefined) {
    const of = await find(store, rerun['of']);
    if (of?.session?.workflowId !== workflow.id)
      throw refuseField('metadata.rerun.of', `is no session of workflow ${workflow.id}`);
    const from = String(rerun['from']);
    const repeatEffects = rerun['repeatEffects'] === true;
    const items = itemsIn(rerun['items']);
    return orRefuse(() =>
      planRerun(of, { sessionId, contextId, message, from, items, repeatEffects, trace, now }),
    );
  }
  const parent = await parentOf(request);
  const variables = objectOf(params, 'variables') ?? {};
  return orRefuse(() =>
    planWorkflow(workflow, {
      org,
      unit,
      sessionId,
      contextId,
      message,
      variables,
      ...(parent === undefined ? {} : { parent }),
      trace,
      now,
    }),
  );
}

/** Whoever claims to be the work of a step must have the id that this step gives its work. */
async function parentOf({ sessionId, params, store }: PlanRequest): Promise<SessionRecord['parent']> {
  const claimed = objectOf(params, 'parent');
  if (claimed === undefined) return undefined;
  const [parentId, stepId] = [String(claimed['sessionId']), String(claimed['stepId'])];
  const view = await find(store, parentId);
  if (view?.session === undefined || derivedTaskId(parentId, stepId) !== sessionId)
    throw refuseField('metadata.parent', 'is no running step that has this session as its work');
  const depth = (view.session.parent?.depth ?? 0) + 1;
  if (depth <= MAX_DEPTH) return { sessionId: parentId, stepId, depth };
  const text = `${depth} sessions within each other, at most ${MAX_DEPTH}`;
  throw new Refusal(bindingError('responder_unavailable', text));
}

async function find(store: SessionStore, id: unknown): Promise<ReturnType<SessionStore['get']>> {
  const sessionId = String(id);
  if (store.get(sessionId)?.session === undefined) await store.sync();
  return store.get(sessionId);
}

function itemsIn(value: unknown): 'failed' | readonly string[] | undefined {
  if (value === undefined || value === 'failed') return value;
  if (Array.isArray(value) && value.length > 0 && value.every((key) => typeof key === 'string')) return value;
  throw refuseField(
    'metadata.rerun.items',
    'must be "failed", or a list of the items to run again, as strings',
  );
}

function objectOf(params: SendMessageRequest, name: string): Record<string, unknown> | undefined {
  const value = params.metadata?.[name] ?? params.message.metadata?.[name];
  if (value === undefined) return undefined;
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw refuseField(`metadata.${name}`, 'must be an object');
  return value as Record<string, unknown>;
}
