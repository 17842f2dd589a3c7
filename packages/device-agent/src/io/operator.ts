import type { Logger } from '@shoal/mqtt-link';
import {
  decideOrder,
  rememberOrder,
  type DeviceOrder,
  type OrderOutcome,
  type OrderRecord,
} from '../core/agent/operations.ts';
import type { DeviceDoor } from './device-door.ts';
import { didNothing } from './device-door.ts';
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
    };

export interface OperatorOptions {
  readonly door: DeviceDoor;
  readonly records: readonly OrderRecord[];
  /** Makes the records durable; resolves when they are (DESIGN rule 1). */
  readonly persist: () => Promise<void>;
  readonly onDone: (order: DeviceOrder, result: Readonly<Record<string, unknown>>) => void;
  readonly logger: Logger;
}

/** The one door to the device: one order at a time, each remembered before and after. */
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
    if (traits.readOnly) return this.#call(order, order.args);
    const decision = decideOrder(this.#records, order, traits.idempotent);
    switch (decision.kind) {
      case 'superseded': {
        const error = `attempt ${order.attempt} of step ${order.stepId} is superseded by attempt ${decision.by}`;
        return { ok: false, outcome: 'superseded', tool, error };
      }
      case 'repeat':
        return { ok: true, outcome: 'done', tool, result: decision.record.result ?? {}, repeated: true };
      case 'unknown': {
        const error = `an earlier ${tool} with these arguments was sent and its answer lost: look at the device before ordering it again`;
        return { ok: false, outcome: 'unknown', tool, error };
      }
      default:
        return this.#act(
          order,
          traits.acceptsRequestId ? { ...order.args, requestId: uuidFrom(decision.requestSeed) } : order.args,
        );
    }
  }

  async #act(order: DeviceOrder, args: Readonly<Record<string, unknown>>): Promise<OperateAnswer> {
    await this.#remember(order, { state: 'sent' });
    const answer = await this.#call(order, args);
    if (answer.ok) this.#options.onDone(order, answer.result);
    const { outcome } = answer;
    const state = outcome === 'superseded' ? 'failed' : outcome;
    const now = answer.ok ? { state, result: answer.result } : { state, error: answer.error };
    await this.#remember(order, now).catch((error: unknown) => {
      // The device has acted; its answer counts. Were it lost with this process, a successor would say unknown.
      this.#options.logger.warn('the answer to an order is not durable yet', { error: String(error) });
    });
    return answer;
  }

  async #call(order: DeviceOrder, args: Readonly<Record<string, unknown>>): Promise<OperateAnswer> {
    const { tool } = order;
    try {
      const result = await this.#options.door.call(tool, { ...args });
      return { ok: true, outcome: 'done', tool, result };
    } catch (error) {
      this.#options.logger.warn('an order to the device did not succeed', { tool, error: messageOf(error) });
      return { ok: false, outcome: didNothing(error) ? 'failed' : 'unknown', tool, error: messageOf(error) };
    }
  }

  async #remember(order: DeviceOrder, now: Pick<OrderRecord, 'state' | 'result' | 'error'>): Promise<void> {
    this.#records = rememberOrder(this.#records, order, now);
    await this.#options.persist();
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
