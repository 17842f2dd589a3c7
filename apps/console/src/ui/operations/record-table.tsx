import type { ReactNode } from 'react';
import { plural } from '../../core/format.ts';

const MOST_ROWS = 100;

interface RecordTableProps<T> {
  readonly title: string;
  readonly note?: ReactNode;
  readonly columns: readonly string[];
  readonly rows: readonly T[];
  readonly keyOf: (row: T) => string;
  readonly cells: (row: T) => readonly ReactNode[];
  /** Said when there are none. */
  readonly empty: string;
}

/** A panel with the first hundred records of a kind. */
export function RecordTable<T>(props: RecordTableProps<T>): ReactNode {
  const { title, note, columns, rows, keyOf, cells, empty } = props;
  return (
    <section className="panel" aria-label={title}>
      <div className="panel-head">
        <h2>{title}</h2>
        {note !== undefined && <span className="muted">{note}</span>}
      </div>
      {rows.length === 0 ? (
        <p className="muted">{empty}</p>
      ) : (
        <div className="table-scroll" tabIndex={0} role="group" aria-label={`${title}, table`}>
          <table className="table table-wide">
            <thead>
              <tr>
                {columns.map((column) => (
                  <th key={column} scope="col">
                    {column}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {rows.slice(0, MOST_ROWS).map((row) => (
                <tr key={keyOf(row)}>
                  {cells(row).map((cell, index) => (
                    <td key={columns[index]}>{cell}</td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {rows.length > MOST_ROWS && (
        <p className="muted">{plural(rows.length - MOST_ROWS, 'more row')} not shown.</p>
      )}
    </section>
  );
}
