import { gaussian } from './gaussian.ts';

/** A deep-groove ball bearing in the size of the SKF 6205. */
export const ORDERS_6205 = { bpfi: 5.4152, bpfo: 3.5848, bsf: 2.3567, ftf: 0.39828 } as const;
/** SKF 6203: its defect orders almost coincide with shaft harmonics. */
export const ORDERS_6203 = { bpfi: 4.9469, bpfo: 3.053, bsf: 1.994, ftf: 0.3817 } as const;

export interface WaveformModel {
  readonly seconds?: number;
  readonly sampleRateHz?: number;
  readonly shaftRpm?: number;
  /** Standard deviation of the broadband noise in g. Default 0.05. */
  readonly noise?: number;
  /** Amplitudes in g of shaft orders. */
  readonly shaft?: Readonly<Record<string, number>>;
  /** Impacts that ring a resonance: order of the impacts, of their modulation, peak in g. */
  readonly impacts?: {
    readonly order: number;
    readonly modulationOrder?: number;
    readonly peak: number;
    readonly resonanceHz?: number;
  };
  readonly seed?: number;
}

/** Acceleration of a machine by the usual model (McFadden and Smith 1984): shaft harmonics, noise, and impacts with random slip. */
export function waveform(model: WaveformModel): Float32Array {
  const { seconds = 1, sampleRateHz = 12_000, shaftRpm = 1770, noise = 0.05, seed = 1 } = model;
  const random = gaussian(seed);
  const shaftHz = shaftRpm / 60;
  const samples = Float32Array.from({ length: Math.round(seconds * sampleRateHz) }, (_, i) => {
    let value = noise * random();
    for (const [order, amplitude] of Object.entries(model.shaft ?? {})) {
      value +=
        amplitude * Math.sin(2 * Math.PI * Number(order) * shaftHz * (i / sampleRateHz) + Number(order));
    }
    return value;
  });
  if (model.impacts !== undefined) addImpacts(samples, sampleRateHz, shaftHz, model.impacts, random);
  return samples;
}

function addImpacts(
  samples: Float32Array,
  sampleRateHz: number,
  shaftHz: number,
  impacts: NonNullable<WaveformModel['impacts']>,
  random: () => number,
): void {
  const { order, modulationOrder, peak, resonanceHz = 3200 } = impacts;
  const period = 1 / (order * shaftHz);
  for (let at = 0.3 * period; at < samples.length / sampleRateHz; at += period * (1 + 0.005 * random())) {
    const load =
      modulationOrder === undefined
        ? 1
        : 0.55 + 0.45 * Math.cos(2 * Math.PI * modulationOrder * shaftHz * at);
    const first = Math.ceil(at * sampleRateHz);
    for (let i = first; i < Math.min(samples.length, first + Math.floor(0.006 * sampleRateHz)); i++) {
      const age = i / sampleRateHz - at;
      samples[i]! += peak * load * Math.exp(-age * 900) * Math.sin(2 * Math.PI * resonanceHz * age);
    }
  }
}
