/** What the records of a command to a device say together. Pure. */
import {
  describeViolations,
  parseJson,
  parseShoalTopic,
  validateDeviceCommand,
  validateDeviceCommandCancel,
  validateDeviceCommandStatus,
  type DeviceCommand,
  type DeviceCommandCancel,
  type DeviceCommandProgress,
  type DeviceCommandStatus,
  type Validation,
} from '@shoal/protocol';

/**
 * `queued`: on the broker, and the device has not said that it has it. `canceling`: the cancellation was written and it is not yet known
 * whether it came in time. The others are the device's own words, or follow from rules that every device keeps: after its deadline none
 * begins, and none begins what was canceled before it was accepted.
 */
export type DeviceCommandState = 'queued' | 'canceling' | DeviceCommandProgress;

export interface DeviceCommandView {
  readonly commandId: string;
  command?: DeviceCommand;
  cancel?: DeviceCommandCancel;
  status?: DeviceCommandStatus;
}

/** States that stay. */
export const FINAL_STATES: ReadonlySet<DeviceCommandState> = new Set<DeviceCommandState>([
  'done',
  'failed',
  'unknown',
  'expired',
  'canceled',
]);

/** What the device wrote before its deadline may still be on its way, and clocks differ: nobody calls it expired before. */
export const EXPIRY_GRACE_MS = 10_000;

/** Where the command stands; undefined when there is none. `nowMs`: milliseconds since the epoch. */
export function commandState(view: DeviceCommandView, nowMs: number): DeviceCommandState | undefined {
  const { command, cancel, status } = view;
  if (command === undefined) return undefined;
  const told = status?.state;
  if (told !== undefined && (told === 'running' || FINAL_STATES.has(told))) return told;
  if (cancel?.state === 'effective') return 'canceled';
  if (nowMs > Date.parse(command.deadlineAt) + EXPIRY_GRACE_MS) return 'expired';
  return cancel === undefined ? (told ?? 'queued') : 'canceling';
}

/** The views of a device's commands, by id, kept from its retained records. */
export class CommandViews {
  readonly #views = new Map<string, DeviceCommandView>();
  readonly #capacity: number;

  /** Commands kept at most; further ones are left alone until others are gone. */
  constructor(capacity = 1_000) {
    this.#capacity = capacity;
  }

  get(commandId: string): DeviceCommandView | undefined {
    return this.#views.get(commandId);
  }

  /** In the order in which they were wanted. */
  all(): readonly DeviceCommandView[] {
    return [...this.#views.values()].toSorted((a, b) => orderOf(a).localeCompare(orderOf(b)));
  }

  clear(): void {
    this.#views.clear();
  }

  /** Takes one record; an empty payload removes it. Undefined: taken, or of no command. Otherwise why it is not usable. */
  take(topic: string, payload: Uint8Array | string): string | undefined {
    const at = parseShoalTopic(topic);
    if (at === undefined || !('commandId' in at)) return undefined;
    const { commandId, deviceId } = at;
    const known = this.#views.get(commandId);
    if (known === undefined && this.#views.size >= this.#capacity)
      return `${this.#capacity} commands are kept already`;
    const view = known ?? { commandId };
    const field = FIELDS[at.kind];
    if (payload.length === 0) delete view[field];
    else {
      const read = READERS[at.kind](payload);
      if (!read.ok) return describeViolations(read.violations);
      const record = read.value;
      if (record.commandId !== commandId || record.deviceId !== deviceId)
        return 'commandId and deviceId must be those of the topic';
      Object.assign(view, { [field]: record });
    }
    const isEmpty = view.command === undefined && view.cancel === undefined && view.status === undefined;
    if (isEmpty) this.#views.delete(commandId);
    else this.#views.set(commandId, view);
    return undefined;
  }
}

const FIELDS = {
  'device-command': 'command',
  'device-command-cancel': 'cancel',
  'device-command-status': 'status',
} as const;

type Read<T> = (payload: Uint8Array | string) => Validation<T>;
const reader =
  <T>(validate: (value: unknown) => Validation<T>): Read<T> =>
  (payload) => {
    const json = parseJson(payload);
    return json.ok ? validate(json.value) : json;
  };
const READERS = {
  'device-command': reader(validateDeviceCommand),
  'device-command-cancel': reader(validateDeviceCommandCancel),
  'device-command-status': reader(validateDeviceCommandStatus),
} as const satisfies Record<keyof typeof FIELDS, Read<{ commandId: string; deviceId: string }>>;

function orderOf({ command, commandId }: DeviceCommandView): string {
  return `${command?.at ?? ''} ${commandId}`;
}
