/** Reads one table of the Skoltech Anomaly Benchmark: `;`-separated, a header, one row per second. Pure. */
import { DeviceSimError } from './errors.ts';

/** Column of the recording → channel. */
export const SKAB_COLUMNS: Readonly<Record<string, string>> = {
  Accelerometer1RMS: 'vibration1',
  Accelerometer2RMS: 'vibration2',
  Current: 'current',
  Pressure: 'pressure',
  Temperature: 'motorTemperature',
  Thermocouple: 'fluidTemperature',
  Voltage: 'voltage',
  'Volume Flow RateRMS': 'flow',
};

export interface RecordedRow {
  readonly channels: Readonly<Record<string, number | null>>;
  /** Undefined where the recording has no labels. */
  readonly anomaly?: boolean;
  readonly changepoint?: boolean;
}

export interface Recording {
  /** The file's name, for messages. */
  readonly name: string;
  readonly rows: readonly RecordedRow[];
  readonly labelled: boolean;
}

/** How many problems one error names. */
const PROBLEMS_NAMED = 5;

/** Throws `csv-malformed` naming the lines. An empty cell is a missing value; unknown columns are left out. */
export function parseSkabCsv(text: string, name: string): Recording {
  const lines = text.split(/\r?\n/);
  const header = (lines[0] ?? '').replace(/^\uFEFF/, '').split(';');
  const missing = Object.keys(SKAB_COLUMNS).filter((column) => !header.includes(column));
  if (missing.length > 0) {
    throw new DeviceSimError('csv-malformed', `${name} line 1: no column ${missing.map(quote).join(', ')}`);
  }
  const rows: RecordedRow[] = [];
  const problems: string[] = [];
  for (const [index, line] of lines.entries()) {
    if (index === 0 || line === '') continue;
    const row = parseRow(header, line.split(';'));
    if (typeof row === 'string') problems.push(`${name} line ${index + 1}: ${row}`);
    else rows.push(row);
  }
  if (problems.length > 0) {
    const more =
      problems.length > PROBLEMS_NAMED ? `; and ${problems.length - PROBLEMS_NAMED} more lines` : '';
    throw new DeviceSimError('csv-malformed', problems.slice(0, PROBLEMS_NAMED).join('; ') + more);
  }
  if (rows.length === 0) throw new DeviceSimError('csv-malformed', `${name}: no rows`);
  return { name, rows, labelled: header.includes('anomaly') };
}

function parseRow(header: readonly string[], cells: readonly string[]): RecordedRow | string {
  if (cells.length !== header.length) return `${cells.length} cells where the header has ${header.length}`;
  const channels: Record<string, number | null> = {};
  const labels: { anomaly?: boolean; changepoint?: boolean } = {};
  for (const [index, column] of header.entries()) {
    const cell = cells[index]!.trim();
    const channel = SKAB_COLUMNS[column];
    if (channel === undefined && column !== 'anomaly' && column !== 'changepoint') continue;
    const value = cell === '' ? null : Number(cell);
    if (value !== null && !Number.isFinite(value)) return `${quote(column)} is ${quote(cell)}, not a number`;
    if (channel !== undefined) channels[channel] = value;
    else labels[column as 'anomaly' | 'changepoint'] = value === 1;
  }
  return { channels, ...labels };
}

/** The first row labelled as an anomaly. */
export function firstAnomaly(recording: Recording): number | undefined {
  const index = recording.rows.findIndex((row) => row.anomaly === true);
  return index === -1 ? undefined : index;
}

const quote = (text: string): string => JSON.stringify(text);
