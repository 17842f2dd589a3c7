import type { DeviceCommandProgress, RecordError } from '@shoal/protocol';
import { FINAL_STATES, type DeviceCommandView } from './command-view.ts';

/** What a device does next about one command. */
export type CommandDecision =
  | { readonly do: 'nothing' }
  /** Write the state, and look again when the broker has it. */
  | { readonly do: 'write'; readonly state: DeviceCommandProgress; readonly error?: RecordError }
  /** `accepted` is on the broker: read the cancellation once more, so that whoever canceled before that is heard, and look again. */
  | { readonly do: 'confirm' }
  /** Call the tool. */
  | { readonly do: 'run' };

export interface CommandSituation {
  /** By the device's own reckoning. */
  readonly expired: boolean;
  /** The cancellation was read after `accepted` was on the broker. */
  readonly confirmed: boolean;
  /** `running` was written by this process, which has not called the tool yet. */
  readonly begun: boolean;
  /** Calling the tool twice does no more than calling it once. Undefined: the device has no such tool. */
  readonly idempotent: boolean | undefined;
}

/** The order of the states, and that each is written before what it says is acted on. */
export function decideCommand(view: DeviceCommandView, situation: CommandSituation): CommandDecision {
  const { command, cancel, status } = view;
  const told = status?.state;
  if (command === undefined || (told !== undefined && FINAL_STATES.has(told))) return { do: 'nothing' };
  const late = `it was not begun by ${command.deadlineAt}`;
  const expired = {
    do: 'write',
    state: 'expired',
    error: { code: 'DEADLINE_PASSED', message: late },
  } as const;
  if (told === 'running') {
    // The broker took the word too late: others have called it expired since.
    if (situation.begun && situation.expired) return expired;
    if (situation.begun || situation.idempotent === true) return { do: 'run' };
    const message = 'the device was restarted while it did it: look before it is sent again';
    return { do: 'write', state: 'unknown', error: { code: 'EFFECT_UNKNOWN', message } };
  }
  if (told === undefined) return { do: 'write', state: 'delivered' };
  if (cancel !== undefined) {
    const message = cancel.reason ?? `canceled by ${cancel.by}`;
    return { do: 'write', state: 'canceled', error: { code: 'CANCELED', message } };
  }
  if (situation.expired) return expired;
  if (situation.idempotent === undefined) {
    const message = `the device has no tool ${command.tool}`;
    return { do: 'write', state: 'failed', error: { code: 'UNKNOWN_TOOL', message } };
  }
  if (told === 'delivered') return { do: 'write', state: 'accepted' };
  return situation.confirmed ? { do: 'write', state: 'running' } : { do: 'confirm' };
}
