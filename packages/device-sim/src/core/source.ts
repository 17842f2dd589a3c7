/** What a device's data comes from: a model or a recording, behind one pure interface. */

export interface ChannelSpec {
  readonly name: string;
  readonly unit: string;
  /** The sensor's range; a value outside of it is possible but wrong. */
  readonly min: number;
  readonly max: number;
  readonly description: string;
}

/** Defect frequencies as multiples of the shaft speed. */
export interface BearingOrders {
  readonly bpfo: number;
  readonly bpfi: number;
  readonly bsf: number;
  readonly ftf: number;
}

export interface Bearing extends BearingOrders {
  readonly designation: string;
}

export type MachineType = 'pump' | 'hvac';

export interface MachineDescription {
  readonly type: MachineType;
  readonly kind: 'model' | 'replay';
  /** Where the data comes from, honestly, in a sentence: shown by the tool `describe`. */
  readonly origin: string;
  readonly channels: readonly ChannelSpec[];
  readonly bearing: Bearing;
  readonly nominalRpm: number;
  readonly minRpm: number;
  readonly maxRpm: number;
  /** `model`: the machine follows it. `recorded-only`: a recording cannot; the setpoint is kept and reported. */
  readonly setpointEffect: 'model' | 'recorded-only';
  readonly maxCaptureSeconds: number;
}

/** What the outside asks of the machine. */
export interface Setpoint {
  readonly rpm: number;
  readonly running: boolean;
}

/** What is really going on. Never published: for tests and evaluations. */
export interface GroundTruth {
  readonly anomaly: boolean;
  /** The faults that are active, by name. */
  readonly faults: readonly string[];
}

export interface DeviceSample {
  /** Counts from 0. */
  readonly index: number;
  /** `null`: the sensor gave nothing. */
  readonly channels: Readonly<Record<string, number | null>>;
  readonly truth: GroundTruth;
}

export interface Waveform {
  readonly samples: Float32Array;
  readonly sampleRateHz: number;
  readonly shaftRpm: number;
  readonly unit: 'g';
}

/**
 * Pure: state, setpoint and the sample number in, sample and next state out; no clock, no hidden randomness. `State` is the
 * source's own business and can be kept and passed in again.
 */
export interface DeviceSource<State = unknown> {
  readonly description: MachineDescription;
  initial(): State;
  /** The next sample; undefined when a recording has ended. */
  next(
    state: State,
    setpoint: Setpoint,
  ): { readonly state: State; readonly sample: DeviceSample } | undefined;
  /** The vibration at the drive end at the moment of `state`. `capture` tells captures at one moment apart. */
  waveform(state: State, setpoint: Setpoint, seconds: number, capture: number): Waveform;
}
