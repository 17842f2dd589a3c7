import { useWindowVirtualizer } from '@tanstack/react-virtual';
import { useLayoutEffect, useRef, useState, type ReactNode } from 'react';

export interface Column {
  readonly id: string;
  readonly label: string;
}

interface VirtualTableProps<T> {
  readonly label: string;
  readonly columns: readonly Column[];
  readonly rows: readonly T[];
  readonly rowHeight: (row: T) => number;
  readonly keyOf: (row: T) => string;
  /** The cells of a row, one for each column, or one that spans all. */
  readonly cells: (row: T) => readonly ReactNode[];
  readonly className: string;
}

/** A table of which only what can be seen is in the document, however long it is. Scrolls with the page. */
export function VirtualTable<T>(props: VirtualTableProps<T>): ReactNode {
  const { label, columns, rows, rowHeight, keyOf, cells, className } = props;
  const body = useRef<HTMLDivElement>(null);
  const [offset, setOffset] = useState(0);
  useLayoutEffect(() => {
    setOffset(body.current?.offsetTop ?? 0);
  }, []);
  const virtual = useWindowVirtualizer({
    count: rows.length,
    estimateSize: (index) => rowHeight(rows[index]!),
    getItemKey: (index) => keyOf(rows[index]!),
    overscan: 8,
    scrollMargin: offset,
  });
  return (
    <div className={`vtable ${className}`} role="table" aria-label={label} aria-rowcount={rows.length + 1}>
      <div role="rowgroup">
        <div className="vrow vhead" role="row" aria-rowindex={1}>
          {columns.map(({ id, label }) => (
            <div key={id} className={`cell cell-${id}`} role="columnheader">
              {label}
            </div>
          ))}
        </div>
      </div>
      <div role="rowgroup" ref={body} className="vbody" style={{ height: virtual.getTotalSize() }}>
        {virtual.getVirtualItems().map((item) => {
          const row = rows[item.index]!;
          const content = cells(row);
          const spans = content.length === 1;
          return (
            <div
              key={item.key}
              className={spans ? 'vrow vspan' : 'vrow'}
              role="row"
              aria-rowindex={item.index + 2}
              style={{ transform: `translateY(${item.start - offset}px)`, height: item.size }}
            >
              {content.map((cell, index) => (
                <div
                  key={columns[index]?.id ?? index}
                  className={spans ? 'cell' : `cell cell-${columns[index]?.id}`}
                  role="cell"
                  aria-colspan={spans ? columns.length : undefined}
                >
                  {cell}
                </div>
              ))}
            </div>
          );
        })}
      </div>
    </div>
  );
}
