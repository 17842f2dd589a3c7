import { DeviceAgentError } from '../../errors.ts';

/** A labelled recording of one experiment: rows of channels at a fixed rate. */
export interface PumpRecording {
  readonly name: string;
  readonly channels: readonly string[];
  readonly rows: readonly (readonly (number | null)[])[];
  readonly atMs: readonly number[];
  /** Per row, or undefined when the recording carries no labels. */
  readonly anomaly?: readonly boolean[];
}

const LABELS = new Set(['anomaly', 'changepoint']);

/**
 * Reads a SKAB file: `;`-separated, a header, `datetime` first, labels in `anomaly` and `changepoint`. An empty field is a
 * missing value. Throws `invalid-recording` naming line and column.
 */
export function parsePumpCsv(name: string, text: string): PumpRecording {
  const lines = text.split(/\r?\n/).filter((line) => line.length > 0);
  const header = (lines[0] ?? '').split(';');
  if (header[0] !== 'datetime' || header.length < 2) {
    throw new DeviceAgentError(
      'invalid-recording',
      `${name}: line 1 must start with "datetime;" and name the channels`,
    );
  }
  const columns = header.map((column, index) => ({ column, index })).slice(1);
  const data = columns.filter(({ column }) => !LABELS.has(column));
  const label = columns.find(({ column }) => column === 'anomaly')?.index;
  const rows: (number | null)[][] = [];
  const atMs: number[] = [];
  const anomaly: boolean[] = [];
  for (const [offset, line] of lines.slice(1).entries()) {
    const fields = line.split(';');
    const where = `${name}: line ${offset + 2}`;
    if (fields.length !== header.length) {
      throw new DeviceAgentError(
        'invalid-recording',
        `${where} has ${fields.length} fields, the header has ${header.length}`,
      );
    }
    const at = Date.parse(`${fields[0]!.replace(' ', 'T')}Z`);
    if (Number.isNaN(at))
      throw new DeviceAgentError('invalid-recording', `${where}: datetime is not a date: ${fields[0]}`);
    atMs.push(at);
    rows.push(data.map(({ column, index }) => parseField(fields[index]!, `${where}, column ${column}`)));
    if (label !== undefined) anomaly.push(parseField(fields[label]!, `${where}, column anomaly`) === 1);
  }
  const channels = data.map(({ column }) => column);
  return { name, channels, rows, atMs, ...(label === undefined ? {} : { anomaly }) };
}

function parseField(field: string, where: string): number | null {
  const text = field.trim();
  if (text === '' || text.toLowerCase() === 'nan') return null;
  const value = Number(text);
  if (!Number.isFinite(value))
    throw new DeviceAgentError('invalid-recording', `${where} is not a number: ${text}`);
  return value;
}
