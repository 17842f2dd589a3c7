import type { Spectrum } from './spectrum.ts';

export interface PlotOptions {
  readonly title: string;
  readonly unit: string;
  readonly highestHz: number;
  /** Frequencies to mark, with their names. */
  readonly marks?: readonly { readonly frequencyHz: number; readonly name: string }[];
}

const WIDTH = 960;
const HEIGHT = 320;
const MARGIN = { left: 64, right: 16, top: 36, bottom: 40 };

/** Amplitude spectrum as a standalone SVG document; of the bins that fall on one column of pixels, the highest. */
export function plotSpectrum(spectrum: Spectrum, options: PlotOptions): string {
  const peaks = columnPeaks(spectrum, options.highestHz);
  const top = Math.max(...peaks.map(({ amplitude }) => amplitude), Number.MIN_VALUE);
  const x = (hz: number) => MARGIN.left + (hz / options.highestHz) * (WIDTH - MARGIN.left - MARGIN.right);
  const y = (value: number) => HEIGHT - MARGIN.bottom - (value / top) * (HEIGHT - MARGIN.top - MARGIN.bottom);
  const points = peaks.map(({ hz, amplitude }) => `${x(hz).toFixed(1)},${y(amplitude).toFixed(1)}`);
  const ticks = Array.from({ length: 11 }, (_, i) => (options.highestHz * i) / 10);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    `<text x="${MARGIN.left}" y="20" font-size="14">${escape(options.title)}</text>`,
    `<text x="8" y="${MARGIN.top}">${escape(`${top.toPrecision(2)} ${options.unit}`)}</text>`,
    ...ticks.map(
      (hz) =>
        `<text x="${x(hz).toFixed(1)}" y="${HEIGHT - 22}" text-anchor="middle">${Math.round(hz)}</text>`,
    ),
    `<text x="${WIDTH / 2}" y="${HEIGHT - 6}" text-anchor="middle">Hz</text>`,
    ...(options.marks ?? [])
      .filter((mark) => mark.frequencyHz <= options.highestHz)
      .flatMap((mark, i) => [
        `<line x1="${x(mark.frequencyHz).toFixed(1)}" x2="${x(mark.frequencyHz).toFixed(1)}" y1="${MARGIN.top}" y2="${HEIGHT - MARGIN.bottom}" stroke="#c33" stroke-dasharray="4 3"/>`,
        `<text x="${(x(mark.frequencyHz) + 3).toFixed(1)}" y="${MARGIN.top + 12 + (i % 3) * 14}" fill="#c33">${escape(mark.name)}</text>`,
      ]),
    `<polyline fill="none" stroke="#246" points="${points.join(' ')}"/>`,
    '</svg>',
  ].join('\n');
}

function columnPeaks(
  { power, binHz }: Spectrum,
  highestHz: number,
): { readonly hz: number; readonly amplitude: number }[] {
  const last = Math.min(power.length - 1, Math.floor(highestHz / binHz));
  const step = Math.max(1, last / (WIDTH - MARGIN.left - MARGIN.right));
  const peaks: { hz: number; amplitude: number }[] = [];
  for (let from = 1; from <= last; from += step) {
    let peak = Math.floor(from);
    for (let k = peak; k <= last && k < from + step; k++) if (power[k]! > power[peak]!) peak = k;
    peaks.push({ hz: peak * binHz, amplitude: Math.sqrt(power[peak]!) });
  }
  return peaks;
}

function escape(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.codePointAt(0)};`);
}
