import type {
  DeviceCommand,
  DeviceCommandCancel,
  DeviceCommandProgress,
  DeviceCommandStatus,
} from '@shoal/protocol';
import { describe, expect, it } from 'vitest';
import { commandState, EXPIRY_GRACE_MS, type DeviceCommandView } from './command-view.ts';
import { decideCommand } from './decide-command.ts';

const ids = { schemaVersion: 1, commandId: 'c', deviceId: 'pump-01' } as const;
const command: DeviceCommand = {
  ...ids,
  tool: 'set_speed',
  args: {},
  by: 'me',
  at: '2026-01-01T00:00:00Z',
  deadlineAt: '2026-01-01T01:00:00Z',
  retentionSeconds: 60,
};
const deadlineMs = Date.parse(command.deadlineAt);
const cancel = (state: DeviceCommandCancel['state']): DeviceCommandCancel => ({
  ...ids,
  state,
  by: 'me',
  at: command.at,
});
const statusOf = (state: DeviceCommandProgress): DeviceCommandStatus => ({
  ...ids,
  state,
  trail: [{ state, at: command.at }],
});

/** A device that goes through a command in single steps, over records that others write too. */
class DeviceModel {
  readonly records: DeviceCommandView;
  ran = 0;
  #confirmed = false;
  #begun = false;
  #seen: DeviceCommandView = { commandId: 'c' };

  constructor(records: DeviceCommandView) {
    this.records = records;
  }

  /** Reads the records, then does one thing; `sees` false: what others wrote meanwhile has not reached it. */
  step(idempotent: boolean, expired: boolean, sees: boolean): boolean {
    if (sees || this.#seen.command === undefined) this.#seen = { ...this.records };
    else this.#seen = { ...this.#seen, ...(this.records.status && { status: this.records.status }) };
    const situation = { expired, confirmed: this.#confirmed, begun: this.#begun, idempotent };
    const decision = decideCommand(this.#seen, situation);
    if (decision.do === 'nothing') return false;
    if (decision.do === 'confirm') {
      this.#seen = { ...this.records };
      this.#confirmed = true;
    } else if (decision.do === 'run') {
      this.ran += 1;
      this.#begun = false;
      this.records.status = statusOf('done');
    } else {
      if (decision.state === 'running') this.#begun = true;
      this.records.status = statusOf(decision.state);
    }
    return true;
  }

  restart(): void {
    this.#confirmed = false;
    this.#begun = false;
    this.#seen = { commandId: 'c' };
  }
}

/** Every order in which `device` steps of one and `others` steps of the other can happen. */
function* orders(device: number, others: number): Generator<readonly ('device' | 'other')[]> {
  if (device === 0 && others === 0) yield [];
  if (device > 0) for (const rest of orders(device - 1, others)) yield ['device', ...rest];
  if (others > 0) for (const rest of orders(device, others - 1)) yield ['other', ...rest];
}

describe('a command and its cancellation, in every order', () => {
  it.each([true, false])(
    'what was called canceled is never done, and what is called late is told by the device (cancellation seen at once: %s)',
    (sees) => {
      const ends = new Set<string>();
      for (const order of orders(7, 3)) {
        const records: DeviceCommandView = { commandId: 'c', command };
        const device = new DeviceModel(records);
        let told: DeviceCommandProgress | undefined;
        // As `cancelDeviceCommand`: write, read, and only then call it canceled.
        const canceler = [
          () => void (records.cancel = cancel('requested')),
          () => void (told = records.status?.state),
          () => {
            if (told === undefined || told === 'delivered') records.cancel = cancel('effective');
          },
        ];
        for (const who of order) {
          if (who === 'device') device.step(true, false, sees);
          else canceler.shift()?.();
        }
        while (device.step(true, false, sees));
        const state = commandState(records, 0);
        ends.add(String(state));
        const effective = records.cancel?.state === 'effective';
        expect(effective && state !== 'canceled').toBe(false);
        expect(device.ran).toBe(state === 'done' ? 1 : 0);
      }
      expect([...ends].toSorted()).toEqual(['canceled', 'done']);
    },
  );
});

describe('a device that is restarted', () => {
  const cut = (at: number, idempotent: boolean): DeviceModel => {
    const device = new DeviceModel({ commandId: 'c', command });
    for (let n = 0; n < at; n += 1) device.step(idempotent, false, true);
    device.restart();
    while (device.step(idempotent, false, true));
    return device;
  };

  it.each([0, 1, 2, 3, 4])('after %i steps, does what may be done twice', (at) => {
    const device = cut(at, true);
    expect([device.ran, device.records.status?.state]).toEqual([1, 'done']);
  });

  it.each([
    [0, 1, 'done'],
    [2, 1, 'done'],
    [3, 1, 'done'],
    [4, 0, 'unknown'],
  ] as const)('after %i steps, does not do again what it may have done', (at, ran, state) => {
    const device = cut(at, false);
    expect([device.ran, device.records.status?.state]).toEqual([ran, state]);
  });
});

describe('the deadline', () => {
  it.each([0, 1, 2, 3, 4])('is kept when it passes after %i steps', (at) => {
    const device = new DeviceModel({ commandId: 'c', command });
    for (let n = 0; n < at; n += 1) device.step(true, false, true);
    while (device.step(true, true, true));
    expect([device.ran, device.records.status?.state]).toEqual([0, 'expired']);
  });

  it('shows in the records of a device that is away, after what may be on its way has come', () => {
    for (const status of [undefined, statusOf('delivered'), statusOf('accepted')]) {
      const view: DeviceCommandView = { commandId: 'c', command, ...(status && { status }) };
      expect(commandState(view, deadlineMs + EXPIRY_GRACE_MS)).toBe(status?.state ?? 'queued');
      expect(commandState(view, deadlineMs + EXPIRY_GRACE_MS + 1)).toBe('expired');
    }
    const running: DeviceCommandView = { commandId: 'c', command, status: statusOf('running') };
    expect(commandState(running, deadlineMs + 1e9)).toBe('running');
  });

  it('a cancellation that nobody has confirmed is called neither done nor undone', () => {
    const view: DeviceCommandView = { commandId: 'c', command, cancel: cancel('requested') };
    expect(commandState(view, 0)).toBe('canceling');
    expect(commandState({ ...view, status: statusOf('accepted') }, 0)).toBe('canceling');
  });
});
