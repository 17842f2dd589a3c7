import type { Report, Row } from './report.ts';

const HEAD = ['', 'value', 'baseline', 'ratio (min to max)', 'target', ''];

/** The report for a reader. */
export function formatTable(report: Report): string {
  const { machine, rounds } = report;
  const lines = [HEAD, ...report.rows.map(cells)];
  const widths = HEAD.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)));
  const rows = lines.map((line) =>
    line
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)))
      .join('  ')
      .trimEnd(),
  );
  const where = `${machine.cores} x ${machine.cpu}, ${machine.memoryMb} MB, ${machine.platform}, Node ${machine.node}`;
  const settings = Object.entries(report.settings).map(([name, value]) => `  ${name}: ${printable(value)}`);
  return [`${report.benchmark}: median of ${rounds} rounds`, where, ...settings, '', ...rows, ''].join('\n');
}

function cells(row: Row): string[] {
  const { ratio } = row.spread;
  return [
    row.name,
    `${row.value} ${row.unit}`,
    row.baseline === null ? row.against : `${row.baseline} ${row.unit} (${row.against})`,
    ratio === null ? '' : `${row.ratio} (${ratio.min} to ${ratio.max})`,
    row.target ?? '',
    row.pass === null ? '' : row.pass ? 'pass' : 'FAIL',
  ];
}

function printable(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
