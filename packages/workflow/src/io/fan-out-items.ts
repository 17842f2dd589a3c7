import { sessionTopics, type FleetSelection, type StepForEach, type StepItems } from '@shoal/protocol';
import { evaluate, interpolate } from '../core/expressions.ts';
import { DEFAULT_MAX_ITEMS } from '../core/fan-out.ts';
import { scopeOf } from '../core/scope.ts';
import { itemOfMember, selectMembers } from '../core/select.ts';
import { isoTime } from '../core/time.ts';
import { isWorkflowError } from '../errors.ts';
import type { Json } from '../types/blueprint.ts';
import type { Attempt } from './attempt.ts';
import { readFleet } from './read-fleet.ts';
import { MAX_RESULT_BYTES } from './run-work.ts';
import { writeResult } from './write-result.ts';

/** Pins what the step fans out over (PUBACK seen), or ends the step when that cannot be told or is too much. */
export async function pinItems(attempt: Attempt): Promise<undefined> {
  const { order, active, voice, now } = attempt;
  const { forEach } = active.planned;
  if (forEach === undefined) return undefined;
  const found = await itemsOf(attempt, forEach);
  if ('code' in found) return writeResult(attempt, 'failed', { error: found });
  const record: StepItems = {
    ...voice.ids(),
    claimId: order.claimId,
    items: [...found.items],
    at: isoTime(now()),
  };
  await voice.put(sessionTopics(order).step(order.stepId).items, record);
  voice.progress('items', `${found.items.length} items`);
  return undefined;
}

type Items = { readonly items: readonly Json[] } | { readonly code: string; readonly message: string };

async function itemsOf(attempt: Attempt, forEach: StepForEach): Promise<Items> {
  let items: Json;
  try {
    items = await evaluateItems(attempt, forEach);
  } catch (error) {
    if (!isWorkflowError(error, 'expression')) throw error;
    return { code: 'EXPRESSION', message: `forEach: ${error.message}` };
  }
  if (!Array.isArray(items)) return { code: 'EXPRESSION', message: 'forEach.in: gives no list' };
  const { maxItems = DEFAULT_MAX_ITEMS } = forEach;
  if (items.length > maxItems)
    return {
      code: 'TOO_MANY_ITEMS',
      message: `${items.length} items of at most ${maxItems}: raise maxItems`,
    };
  const bytes = Buffer.byteLength(JSON.stringify(items));
  if (bytes > MAX_RESULT_BYTES)
    return {
      code: 'ITEMS_TOO_LARGE',
      message: `the items take ${bytes} bytes of at most ${MAX_RESULT_BYTES}: pass ids instead of contents`,
    };
  return { items };
}

async function evaluateItems({ link, session, view }: Attempt, forEach: StepForEach): Promise<Json> {
  const scope = scopeOf(session, view());
  if (forEach.in !== undefined) return evaluate(forEach.in, scope);
  const selection = interpolate(forEach.select ?? {}, scope) as FleetSelection;
  return selectMembers(await readFleet(link, session), selection).map(itemOfMember);
}
