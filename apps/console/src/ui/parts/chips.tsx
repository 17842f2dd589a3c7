import type { ReactNode } from 'react';
import type { Tone } from './badge.tsx';

interface ChipsProps<T extends string> {
  readonly label: string;
  readonly value: T;
  readonly all: T;
  readonly options: readonly {
    readonly value: T;
    readonly label: string;
    readonly count: number;
    readonly tone: Tone;
  }[];
  readonly onChange: (value: T) => void;
}

/** A filter by one property; pressing the chosen one again shows all. */
export function Chips<T extends string>({ label, value, all, options, onChange }: ChipsProps<T>): ReactNode {
  return (
    <div className="chips" role="group" aria-label={label}>
      {options
        .filter(({ count, value: option }) => count > 0 || option === value)
        .map(({ value: option, label, count, tone }) => (
          <button
            key={option}
            type="button"
            className={`chip tone-${tone}`}
            aria-pressed={option === value}
            onClick={() => onChange(option === value ? all : option)}
          >
            <span className="dot" aria-hidden="true" />
            {label} <span className="number">{count.toLocaleString('en')}</span>
          </button>
        ))}
    </div>
  );
}
