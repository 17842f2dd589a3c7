import type { Logger } from '@shoal/mqtt-link';
import type { Refusal } from '@shoal/device-tools';
import type { ToolTraits } from '../core/agent/check-order.ts';
import {
  decideOrder,
  rememberOrder,
  type DeviceOrder,
  type OrderOutcome,
  type OrderRecord,
} from '../core/agent/operations.ts';
import { didNothing, refusalOf, type DeviceDoor } from './device-door.ts';
import { uuidFrom } from './uuid-from.ts';

/** Answer to an order. Everything but `ok: true` names what happened and whether the device may have acted. */
export type OperateAnswer =
  | {
      readonly ok: true;
      readonly outcome: 'done';
      readonly tool: string;
      readonly result: Readonly<Record<string, unknown>>;
      readonly repeated?: true;
    }
  | {
      readonly ok: false;
      readonly outcome: Exclude<OrderOutcome, 'done'> | 'superseded';
      readonly tool: string;
      readonly error: string;
      /** Set when the order was refused, here or by the device: nothing was done. */
      readonly refusal?: Refusal;
    };

export interface OperatorOptions {
  readonly door: Pick<DeviceDoor, 'traitsOf' | 'call' | 'settle'>;
  readonly records: readonly OrderRecord[];
  /** Why an order may not go to the device now. */
  readonly check: (
    order: DeviceOrder,
    traits: ToolTraits,
    records: readonly OrderRecord[],
  ) => Promise<Refusal | undefined>;
  /** Makes the records durable; resolves when they are (DESIGN rule 1). */
  readonly persist: () => Promise<void>;
  readonly onDone: (order: DeviceOrder, result: Readonly<Record<string, unknown>>) => void;
  readonly nowMs: () => number;
  readonly logger: Logger;
}

/** The one door to the device: one order at a time, each checked, and remembered before and after. */
export class Operator {
  readonly #options: OperatorOptions;
  #records: readonly OrderRecord[];
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: OperatorOptions) {
    this.#options = options;
    this.#records = options.records;
  }

  get records(): readonly OrderRecord[] {
    return this.#records;
  }

  /** Never rejects because of the device; rejects when the order cannot be made durable (nothing was done then). */
  operate(order: DeviceOrder): Promise<OperateAnswer> {
    const run = this.#last.then(() => this.#operate(order));
    this.#last = run.catch(() => {});
    return run;
  }

  async #operate(order: DeviceOrder): Promise<OperateAnswer> {
    const { tool } = order;
    let traits;
    try {
      traits = await this.#options.door.traitsOf(tool);
    } catch (error) {
      return { ok: false, outcome: 'failed', tool, error: messageOf(error) };
    }
    if (traits.risk === 'read' || order.dryRun === true) return this.#look(order, traits);
    const decision = decideOrder(this.#records, order, traits.idempotent);
    switch (decision.kind) {
      case 'superseded': {
        const error = `attempt ${order.attempt} of step ${order.stepId} is superseded by attempt ${decision.by}`;
        return { ok: false, outcome: 'superseded', tool, error };
      }
      case 'repeat':
        return { ok: true, outcome: 'done', tool, result: decision.record.result ?? {}, repeated: true };
      case 'unknown':
        return this.#resolve(order, decision.record);
      default: {
        const refusal = await this.#options.check(order, traits, this.#records);
        return refusal === undefined ? this.#act(order, traits, decision) : refused(tool, refusal);
      }
    }
  }

  /** What changes nothing is not remembered. */
  async #look(order: DeviceOrder, traits: ToolTraits): Promise<OperateAnswer> {
    const refusal = await this.#options.check(order, traits, this.#records);
    if (refusal !== undefined) return refused(order.tool, refusal);
    if (traits.risk === 'read') return this.#call(order, order.args);
    return this.#call(order, { ...order.args, ...approvalOf(order), dryRun: true });
  }

  async #act(
    order: DeviceOrder,
    traits: ToolTraits,
    { requestSeed, turn }: { readonly requestSeed: string; readonly turn: number },
  ): Promise<OperateAnswer> {
    const requestId = uuidFrom(requestSeed);
    const sent: OrderRecord['request'] = {
      id: requestId,
      sentAtMs: this.#options.nowMs(),
      ...(traits.memoryId === undefined ? {} : { memoryId: traits.memoryId }),
    };
    const about = { turn, request: sent, ...approvalOf(order) };
    await this.#remember(order, { ...about, state: 'sent' });
    const args = {
      ...order.args,
      ...(traits.acceptsRequestId ? { requestId } : {}),
      ...(traits.guarded ? approvalOf(order) : {}),
    };
    const first = await this.#call(order, args);
    const answer = first.outcome === 'unknown' ? ((await this.#settle(order.tool, sent)) ?? first) : first;
    await this.#end(order, answer, about);
    return answer;
  }

  /** An order whose answer was lost: the device may still know. It is not sent again. */
  async #resolve(order: DeviceOrder, record: OrderRecord): Promise<OperateAnswer> {
    const { tool } = order;
    const settled = record.request === undefined ? undefined : await this.#settle(tool, record.request);
    if (settled !== undefined) {
      const { turn = 0, request, approvalId } = record;
      await this.#end(order, settled, {
        turn,
        ...(request === undefined ? {} : { request }),
        ...(approvalId === undefined ? {} : { approvalId }),
      });
      return settled.ok ? { ...settled, repeated: true } : settled;
    }
    const error = `an earlier ${tool} with these arguments was sent and its answer lost: look at the device before ordering it again`;
    return { ok: false, outcome: 'unknown', tool, error };
  }

  /** Undefined: the device does not tell, has lost its memory since, or is still at it. */
  async #settle(
    tool: string,
    { id, memoryId, sentAtMs }: NonNullable<OrderRecord['request']>,
  ): Promise<OperateAnswer | undefined> {
    if (memoryId === undefined) return undefined;
    const told = await this.#options.door.settle(id);
    if (told === undefined || told.memoryId !== memoryId) return undefined;
    if (told.state === 'done') return { ok: true, outcome: 'done', tool, result: told.answer ?? {} };
    if (told.state === 'failed') return { ok: false, outcome: 'failed', tool, error: told.error ?? 'failed' };
    const remembered = this.#options.nowMs() - sentAtMs < told.keptSeconds * 1000;
    if (told.state !== 'not-done' || !remembered) return undefined;
    const error = 'the device never got the order and will not do it any more; it may be ordered again';
    return { ok: false, outcome: 'failed', tool, error };
  }

  async #end(
    order: DeviceOrder,
    answer: OperateAnswer,
    about: Pick<OrderRecord, 'turn' | 'request' | 'approvalId'>,
  ): Promise<void> {
    if (answer.ok) this.#options.onDone(order, answer.result);
    const state = answer.outcome === 'superseded' ? 'failed' : answer.outcome;
    // Whoever tries again after a failure asks for something new: the device remembers the failure under the old key.
    const turn = (about.turn ?? 0) + (state === 'failed' ? 1 : 0);
    const now = {
      ...about,
      turn,
      state,
      ...(answer.ok ? { result: answer.result } : { error: answer.error }),
    };
    await this.#remember(order, now).catch((error: unknown) => {
      // The device has acted; its answer counts. Were it lost with this process, a successor would ask the device.
      this.#options.logger.warn('the answer to an order is not durable yet', { error: String(error) });
    });
  }

  async #call(order: DeviceOrder, args: Readonly<Record<string, unknown>>): Promise<OperateAnswer> {
    const { tool } = order;
    try {
      const result = await this.#options.door.call(tool, { ...args });
      return { ok: true, outcome: 'done', tool, result };
    } catch (error) {
      const text = messageOf(error);
      this.#options.logger.warn('an order to the device did not succeed', { tool, error: text });
      const refusal = refusalOf(error);
      if (refusal !== undefined) return refused(tool, refusal);
      return { ok: false, outcome: didNothing(error) ? 'failed' : 'unknown', tool, error: text };
    }
  }

  async #remember(
    order: DeviceOrder,
    now: Omit<OrderRecord, 'sessionId' | 'stepId' | 'attempt' | 'order'>,
  ): Promise<void> {
    this.#records = rememberOrder(this.#records, order, now);
    await this.#options.persist();
  }
}

function approvalOf({ approvalId }: DeviceOrder): { readonly approvalId?: string } {
  return approvalId === undefined ? {} : { approvalId };
}

function refused(tool: string, refusal: Refusal): OperateAnswer {
  const error = `${refusal.code}: ${refusal.message}`;
  return { ok: false, outcome: 'failed', tool, error, refusal };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
