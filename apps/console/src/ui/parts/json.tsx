import type { ReactNode } from 'react';
import { bytes } from '../../core/format.ts';

const MOST_CHARS = 100_000;

/** Any JSON as text. React escapes it; nothing of it is ever markup. */
export function Json({ value, label }: { readonly value: unknown; readonly label: string }): ReactNode {
  const text = JSON.stringify(value, null, 2) ?? 'undefined';
  return (
    <div className="code-box">
      <pre className="code" tabIndex={0} role="group" aria-label={label}>
        {text.slice(0, MOST_CHARS)}
      </pre>
      {text.length > MOST_CHARS && (
        <p className="muted">
          The first {bytes(MOST_CHARS)} of {bytes(text.length)}.
        </p>
      )}
    </div>
  );
}

export function Disclosure({
  title,
  children,
}: {
  readonly title: string;
  readonly children: ReactNode;
}): ReactNode {
  return (
    <details className="disclosure">
      <summary>{title}</summary>
      {children}
    </details>
  );
}
