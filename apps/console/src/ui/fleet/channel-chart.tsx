import { useEffect, useRef, type ReactNode } from 'react';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { quantity } from '../../core/format.ts';
import type { TelemetryRing } from '../../core/ring.ts';

interface Band {
  readonly typical: number | null;
  readonly normalLow: number | null;
  readonly normalHigh: number | null;
}

interface ChannelChartProps {
  readonly ring: TelemetryRing;
  readonly channel: string;
  readonly band: Band | undefined;
  /** The agent's incident names this channel: its judgement, not that of single samples. */
  readonly accused: boolean;
  /** Of the ring: a change draws again. */
  readonly version: number;
}

const HEIGHT = 120;

export function ChannelChart({ ring, channel, band, accused, version }: ChannelChartProps): ReactNode {
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const shown = useRef<Band | undefined>(band);
  shown.current = band;
  useEffect(() => {
    const element = host.current;
    if (element === null) return undefined;
    const chart = new uPlot(
      optionsFor(element.clientWidth, () => shown.current),
      [[], []],
      element,
    );
    plot.current = chart;
    const resized = new ResizeObserver(() => chart.setSize({ width: element.clientWidth, height: HEIGHT }));
    resized.observe(element);
    // Colours are read from the style sheet when something is drawn.
    const themed = new MutationObserver(() => chart.redraw());
    themed.observe(document.documentElement, { attributeFilter: ['data-theme'] });
    return () => {
      resized.disconnect();
      themed.disconnect();
      chart.destroy();
      plot.current = undefined;
    };
  }, []);
  useEffect(() => {
    const [times, values] = ring.series(channel);
    plot.current?.setData([[...times], [...values]]);
  }, [ring, channel, version]);
  const last = ring.last(channel);
  const unit = ring.unitOf(channel);
  return (
    <figure className={accused ? 'chart chart-outside' : 'chart'}>
      <figcaption>
        <span className="chart-name">{channel}</span>
        <span className="chart-value number">
          {quantity(last)} {unit}
        </span>
        <span className="muted chart-band">{bandText(band, unit)}</span>
        {accused && <span className="chart-flag">departs from normal</span>}
      </figcaption>
      <div
        ref={host}
        className="plot"
        role="img"
        aria-label={`${channel} over time, now ${quantity(last)} ${unit}, ${bandText(band, unit)}`}
      />
    </figure>
  );
}

function bandText(band: Band | undefined, unit: string): string {
  if (band === undefined || band.normalLow === null) return 'not learnt yet';
  return `normal ${quantity(band.normalLow)} to ${quantity(band.normalHigh)} ${unit}`;
}

function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function optionsFor(width: number, bandOf: () => Band | undefined): uPlot.Options {
  const axis = (): string => colour('--muted');
  const font = '11px system-ui, sans-serif';
  return {
    width: Math.max(50, width),
    height: HEIGHT,
    padding: [6, 26, 0, 0],
    legend: { show: false },
    cursor: { drag: { x: false, y: false }, points: { show: false } },
    scales: { y: { range: (_, low, high) => rangeWith(low, high, bandOf()) } },
    axes: [
      {
        stroke: axis,
        font,
        grid: { show: false },
        ticks: { show: false },
        size: 22,
        space: 90,
        values: (_, ticks) => ticks.map(clockOf),
      },
      {
        stroke: axis,
        font,
        grid: { stroke: () => colour('--line'), width: 1 },
        ticks: { show: false },
        size: 52,
      },
    ],
    series: [{}, { stroke: () => colour('--accent'), width: 1.5, points: { show: false }, spanGaps: false }],
    hooks: { drawClear: [(chart) => drawBand(chart, bandOf())] },
  };
}

function clockOf(seconds: number): string {
  return new Date(seconds * 1000).toLocaleTimeString('en-GB');
}

function rangeWith(low: number | null, high: number | null, band: Band | undefined): [number, number] {
  const values = [low, high, band?.normalLow, band?.normalHigh].filter(
    (v): v is number => typeof v === 'number',
  );
  if (values.length === 0) return [0, 1];
  const least = Math.min(...values);
  const most = Math.max(...values);
  const margin = (most - least) * 0.15 || Math.abs(most) * 0.05 || 1;
  return [least - margin, most + margin];
}

function drawBand(chart: uPlot, band: Band | undefined): void {
  if (band === undefined || band.normalLow === null || band.normalHigh === null) return;
  const { ctx, bbox } = chart;
  const top = chart.valToPos(band.normalHigh, 'y', true);
  const bottom = chart.valToPos(band.normalLow, 'y', true);
  ctx.save();
  ctx.fillStyle = colour('--band');
  ctx.fillRect(bbox.left, top, bbox.width, bottom - top);
  ctx.restore();
}
