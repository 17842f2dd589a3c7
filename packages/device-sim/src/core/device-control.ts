/** What commands do to a device. Pure. */
import { inRange } from './faults.ts';
import type { MachineDescription, Setpoint } from './source.ts';

export type DeviceCommand =
  | { readonly kind: 'set_speed'; readonly rpm: number }
  | { readonly kind: 'stop' | 'start' };

export interface CommandAnswer {
  readonly command: DeviceCommand['kind'];
  /** The setpoint now. */
  readonly rpm: number;
  readonly unit: 'rpm';
  readonly running: boolean;
  readonly previous: Setpoint;
  /** Device time, ISO 8601. */
  readonly at: string;
  /** `recorded-only`: kept and reported, without an effect on the replayed values. */
  readonly effect: MachineDescription['setpointEffect'];
}

export function initialSetpoint(description: MachineDescription): Setpoint {
  return { rpm: description.nominalRpm, running: true };
}

/** What a command would make of the setpoint. Setting the same thing twice changes nothing. Throws `out-of-range`. */
export function applyCommand(
  setpoint: Setpoint,
  command: DeviceCommand,
  description: MachineDescription,
  at: string,
): CommandAnswer {
  return {
    command: command.kind,
    ...nextSetpoint(setpoint, command, description),
    unit: 'rpm',
    previous: setpoint,
    at,
    effect: description.setpointEffect,
  };
}

function nextSetpoint(
  setpoint: Setpoint,
  command: DeviceCommand,
  { minRpm, maxRpm }: MachineDescription,
): Setpoint {
  if (command.kind !== 'set_speed') return { ...setpoint, running: command.kind === 'start' };
  inRange('rpm', command.rpm, minRpm, maxRpm);
  return { ...setpoint, rpm: command.rpm };
}
