import type { ReactNode } from 'react';
import { Link } from 'wouter';
import { useTitle } from '../hooks.ts';
import { Icon } from './icon.tsx';

interface PageHeadProps {
  readonly title: string;
  /** Shown in the document's title instead, when `title` alone says too little. */
  readonly name?: string;
  readonly back?: { readonly href: string; readonly label: string };
  readonly note?: ReactNode;
  readonly children?: ReactNode;
}

export function PageHead({ title, name, back, note, children }: PageHeadProps): ReactNode {
  useTitle(name ?? title);
  return (
    <div className="page-head">
      <div className="page-title">
        {back !== undefined && (
          <Link className="back" href={back.href}>
            <Icon name="back" />
            {back.label}
          </Link>
        )}
        <h1>{title}</h1>
        {note !== undefined && <div className="page-note">{note}</div>}
      </div>
      {children !== undefined && <div className="page-actions">{children}</div>}
    </div>
  );
}

export function Empty({
  title,
  children,
}: {
  readonly title: string;
  readonly children?: ReactNode;
}): ReactNode {
  return (
    <div className="empty">
      <p className="empty-title">{title}</p>
      {children !== undefined && <div>{children}</div>}
    </div>
  );
}

export function Notice({
  tone,
  children,
}: {
  readonly tone: 'bad' | 'warn' | 'calm';
  readonly children: ReactNode;
}): ReactNode {
  return (
    <div className={`notice tone-${tone}`} role={tone === 'bad' ? 'alert' : 'status'}>
      {children}
    </div>
  );
}
