import { useId, type ReactNode } from 'react';

interface FieldProps {
  readonly label: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly help?: string;
  readonly error?: string | undefined;
  readonly type?: 'text' | 'password' | 'number';
  readonly placeholder?: string;
  readonly autoComplete?: string;
  readonly required?: boolean;
  readonly rows?: number;
  readonly list?: string;
}

/** A labelled input; with `rows` a text of several lines. */
export function Field(props: FieldProps): ReactNode {
  const {
    label,
    value,
    onChange,
    help,
    error,
    type = 'text',
    placeholder,
    autoComplete = 'off',
    required = false,
    rows,
    list,
  } = props;
  const id = useId();
  const describedBy = error !== undefined || help !== undefined ? `${id}-help` : undefined;
  const common = {
    id,
    value,
    placeholder,
    required,
    spellCheck: false,
    'aria-describedby': describedBy,
    'aria-invalid': error !== undefined ? true : undefined,
  };
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {rows === undefined ? (
        <input
          {...common}
          type={type}
          step="any"
          autoComplete={autoComplete}
          list={list}
          onChange={(event) => onChange(event.target.value)}
        />
      ) : (
        <textarea {...common} rows={rows} onChange={(event) => onChange(event.target.value)} />
      )}
      {describedBy !== undefined && (
        <p id={describedBy} className={error === undefined ? 'help' : 'help help-error'}>
          {error ?? help}
        </p>
      )}
    </div>
  );
}

interface ChoiceProps {
  readonly label: string;
  readonly value: string;
  readonly options: readonly (readonly [value: string, text: string])[];
  readonly onChange: (value: string) => void;
  /** The label is read, not shown. */
  readonly quiet?: boolean;
}

export function Choice({ label, value, options, onChange, quiet = false }: ChoiceProps): ReactNode {
  const id = useId();
  return (
    <div className="field field-inline">
      <label htmlFor={id} className={quiet ? 'visually-hidden' : undefined}>
        {label}
      </label>
      <select id={id} value={value} onChange={(event) => onChange(event.target.value)}>
        {options.map(([value, text]) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
    </div>
  );
}
