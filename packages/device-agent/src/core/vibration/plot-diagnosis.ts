import type { BearingOrders, VibrationDiagnosis, VibrationOptions } from './diagnose.ts';
import { plotSpectrum } from './plot.ts';
import { envelopeSpectrum, powerSpectrum, transformWaveform } from './spectrum.ts';

export interface DiagnosisPlots {
  /** SVG of the spectrum of the acceleration, up to half of the sample rate. */
  readonly spectrum: string;
  /** SVG of the envelope spectrum in the band of the evidence, with the bearing's defect frequencies marked. */
  readonly envelope: string;
}

/** Orders up to which the envelope is drawn: three harmonics of the highest defect order of common bearings. */
const ENVELOPE_ORDERS = 18;

/** What an analyst would want to see of a diagnosis: the two spectra of the waveform that it was made from, as SVG documents of about 15 kB. */
export function plotDiagnosis(
  samples: ArrayLike<number>,
  options: VibrationOptions,
  { verdict, band }: Pick<VibrationDiagnosis, 'verdict' | 'band'>,
): DiagnosisPlots {
  const { sampleRateHz, shaftRpm, orders } = options;
  const shaftHz = shaftRpm / 60;
  const [lowHz, highHz] = [Math.round(band.lowHz), Math.round(band.highHz)];
  return {
    spectrum: plotSpectrum(powerSpectrum(samples, sampleRateHz), {
      title: `Acceleration, ${shaftRpm} rpm: ${verdict}`,
      unit: 'g',
      highestHz: sampleRateHz / 2,
    }),
    envelope: plotSpectrum(envelopeSpectrum(transformWaveform(samples, sampleRateHz), band), {
      title: `Envelope, ${lowHz} to ${highHz} Hz, ${shaftRpm} rpm: ${verdict}`,
      unit: 'g²',
      highestHz: ENVELOPE_ORDERS * shaftHz,
      marks: defectMarks(orders, shaftHz),
    }),
  };
}

/** The shaft, and the first three harmonics of each defect. */
function defectMarks(
  { bpfo, bpfi, bsf }: BearingOrders,
  shaftHz: number,
): { readonly frequencyHz: number; readonly name: string }[] {
  const defects: readonly (readonly [string, number])[] = [
    ['BPFO', bpfo],
    ['BPFI', bpfi],
    ['2×BSF', 2 * bsf],
  ];
  const harmonics = defects.flatMap(([name, order]) =>
    [1, 2, 3].map((times) => ({
      frequencyHz: times * order * shaftHz,
      name: times === 1 ? name : `${times}·${name}`,
    })),
  );
  return [{ frequencyHz: shaftHz, name: '1×' }, ...harmonics];
}
