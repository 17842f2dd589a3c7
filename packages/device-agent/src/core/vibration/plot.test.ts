import { expect, it } from 'vitest';
import { plotDiagnosis } from './plot-diagnosis.ts';
import { plotSpectrum } from './plot.ts';
import { envelopeSpectrum, powerSpectrum, transformWaveform } from './spectrum.ts';

const sine = Float64Array.from({ length: 8192 }, (_, i) => 2 * Math.sin((2 * Math.PI * 500 * i) / 8192));

it('gives a sine its squared amplitude at its frequency', () => {
  const { power, binHz } = powerSpectrum(sine, 8192);
  expect(power[Math.round(500 / binHz)]).toBeCloseTo(4, 6);
});

it('finds the modulation of a carrier in the envelope spectrum', () => {
  const modulated = sine.map((value, i) => value * (1 + 0.5 * Math.sin((2 * Math.PI * 40 * i) / 8192)));
  const { power, binHz } = envelopeSpectrum(transformWaveform(modulated, 8192), { lowHz: 400, highHz: 600 });
  let peak = 3;
  for (let k = 3; k < power.length; k++) if (power[k]! > power[peak]!) peak = k;
  expect(peak * binHz).toBeCloseTo(40, 0);
});

it('draws a spectrum with its marks as SVG and escapes text', () => {
  const svg = plotSpectrum(powerSpectrum(sine, 8192), {
    title: 'pump <1> & "2"',
    unit: 'g',
    highestHz: 1000,
    marks: [
      { frequencyHz: 500, name: 'BPFO' },
      { frequencyHz: 5000, name: 'beyond' },
    ],
  });
  expect(svg).toContain('pump &#60;1&#62; &#38; &#34;2&#34;');
  expect(svg).toContain('BPFO');
  expect(svg).not.toContain('beyond');
  expect(svg).not.toContain('NaN');
});

it('of the bins on one column of pixels the highest is drawn, so that no line is lost and a document stays small', () => {
  const power = new Float64Array(100_000).fill(1e-6);
  power[77_777] = 1;
  const svg = plotSpectrum(
    { power, binHz: 0.1, resolutionHz: 0.1 },
    { title: '', unit: 'g', highestHz: 10_000 },
  );
  expect(svg.length).toBeLessThan(20_000);
  expect(svg).toMatch(/ \d+\.\d,36\.0 /);
});

it('the plots of a diagnosis show its band and mark the defect frequencies', () => {
  const orders = { bpfo: 3.58, bpfi: 5.42, bsf: 2.36, ftf: 0.4 };
  const { spectrum, envelope } = plotDiagnosis(
    sine,
    { sampleRateHz: 8192, shaftRpm: 1800, orders },
    { verdict: 'unknown', band: { lowHz: 400, highHz: 1200 } },
  );
  expect(spectrum).toContain('1800 rpm: unknown');
  for (const text of ['400 to 1200 Hz', 'BPFO', 'BPFI', '2×BSF', '3·BPFO']) expect(envelope).toContain(text);
  for (const svg of [spectrum, envelope]) {
    expect(svg).toMatch(/^<svg [^]*<\/svg>$/);
    expect(svg.length).toBeLessThan(30_000);
    expect(svg).not.toContain('NaN');
  }
});
