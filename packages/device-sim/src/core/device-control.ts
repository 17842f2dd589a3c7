/** What commands do to a device. Pure. */
import { DeviceSimError } from './errors.ts';
import { inRange } from './faults.ts';
import type { MachineDescription, Setpoint } from './source.ts';

export type DeviceCommand =
  | { readonly kind: 'set_speed'; readonly rpm: number; readonly requestId?: string }
  | { readonly kind: 'stop' | 'start'; readonly requestId?: string };

export interface CommandAnswer {
  readonly command: DeviceCommand['kind'];
  readonly requestId?: string;
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

export interface ControlState {
  readonly setpoint: Setpoint;
  /** Answers by request id, oldest first, with the command they belong to. */
  readonly answers: ReadonlyMap<string, { readonly command: string; readonly answer: CommandAnswer }>;
}

/** Request ids remembered; the oldest is forgotten. */
const REMEMBERED = 256;

export function initialControl(description: MachineDescription): ControlState {
  return { setpoint: { rpm: description.nominalRpm, running: true }, answers: new Map() };
}

/**
 * Setting the same thing twice changes nothing, and a request id that comes again gets the first answer again. Throws `out-of-range`,
 * or `request-conflict` when the id was used for another command.
 */
export function applyCommand(
  state: ControlState,
  command: DeviceCommand,
  description: MachineDescription,
  at: string,
): { readonly state: ControlState; readonly answer: CommandAnswer } {
  const { requestId, ...rest } = command;
  const text = JSON.stringify(rest);
  const known = requestId === undefined ? undefined : state.answers.get(requestId);
  if (known !== undefined) {
    if (known.command === text) return { state, answer: known.answer };
    const message = `requestId ${JSON.stringify(requestId)} was used for ${known.command}, now for ${text}`;
    throw new DeviceSimError('request-conflict', message);
  }
  const setpoint = nextSetpoint(state.setpoint, command, description);
  const answer: CommandAnswer = {
    command: command.kind,
    ...(requestId === undefined ? {} : { requestId }),
    ...setpoint,
    unit: 'rpm',
    previous: state.setpoint,
    at,
    effect: description.setpointEffect,
  };
  if (requestId === undefined) return { state: { ...state, setpoint }, answer };
  const answers = new Map(state.answers).set(requestId, { command: text, answer });
  for (const id of answers.keys()) {
    if (answers.size <= REMEMBERED) break;
    answers.delete(id);
  }
  return { state: { setpoint, answers }, answer };
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
