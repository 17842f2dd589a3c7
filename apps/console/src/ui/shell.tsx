import { useEffect, useRef, type ReactNode } from 'react';
import { Link, useLocation } from 'wouter';
import { waitingApprovals } from '../core/engine-rows.ts';
import { isOpen } from '../core/session-row.ts';
import { useConsole, useSignal } from './hooks.ts';
import { Icon, type IconName } from './parts/icon.tsx';
import type { useTheme } from './theme.ts';

interface ShellProps {
  readonly theme: ReturnType<typeof useTheme>;
  readonly onSignOut: () => void;
  readonly children: ReactNode;
}

const PAGES: readonly { readonly path: string; readonly label: string; readonly icon: IconName }[] = [
  { path: '/fleet', label: 'Fleet', icon: 'fleet' },
  { path: '/sessions', label: 'Sessions', icon: 'sessions' },
  { path: '/operations', label: 'Operations', icon: 'operations' },
  { path: '/requests', label: 'Requests', icon: 'requests' },
  { path: '/registry', label: 'Registry', icon: 'registry' },
];

export function Shell({ theme, onSignOut, children }: ShellProps): ReactNode {
  const { scope, credentials } = useConsole();
  const [path] = useLocation();
  const main = useRef<HTMLElement>(null);
  const area = path.split('/')[1];
  // A new page begins at its top, and the keyboard with it.
  useEffect(() => {
    main.current?.focus({ preventScroll: true });
    window.scrollTo(0, 0);
  }, [path]);
  return (
    <div className="shell">
      <a
        className="skip"
        href="#main"
        onClick={(event) => {
          event.preventDefault();
          main.current?.focus();
        }}
      >
        Skip to content
      </a>
      <header className="topbar">
        <span className="brand">
          <Icon name="logo" />
          Shoal
        </span>
        <span className="scope" title="Organisation and unit">
          {scope.org}
          <span aria-hidden="true"> / </span>
          {scope.unit}
        </span>
        <ConnectionBadge />
        <span className="grow" />
        <span className="who" title="Who acts, as records name it">
          {credentials.actAs}
        </span>
        <button
          type="button"
          className="icon-button"
          onClick={theme.toggle}
          aria-label={theme.theme === 'dark' ? 'Use the light theme' : 'Use the dark theme'}
        >
          <Icon name={theme.theme === 'dark' ? 'sun' : 'moon'} />
        </button>
        <button type="button" className="icon-button" onClick={onSignOut} aria-label="Sign out">
          <Icon name="leave" />
        </button>
      </header>
      <nav className="nav" aria-label="Pages">
        {PAGES.map(({ path: to, label, icon }) => (
          <Link key={to} href={to} className="nav-link" aria-current={`/${area}` === to ? 'page' : undefined}>
            <Icon name={icon} />
            <span>{label}</span>
            {to === '/sessions' && <OpenSessions />}
            {to === '/operations' && <WaitingForPerson />}
          </Link>
        ))}
      </nav>
      <main id="main" className="main" ref={main} tabIndex={-1}>
        {children}
      </main>
    </div>
  );
}

function OpenSessions(): ReactNode {
  const { sessions } = useConsole();
  useSignal(sessions.signal);
  const open = sessions.rows().filter(({ state }) => isOpen(state));
  if (open.length === 0) return null;
  return (
    <span className="count">
      {open.length}
      <span className="visually-hidden"> open</span>
    </span>
  );
}

function WaitingForPerson(): ReactNode {
  const { sessions } = useConsole();
  useSignal(sessions.signal);
  const waiting = waitingApprovals(sessions.views()).length;
  if (waiting === 0) return null;
  return (
    <span className="count count-asks">
      {waiting}
      <span className="visually-hidden"> waiting for a person</span>
    </span>
  );
}

const STATES: Readonly<Record<string, { readonly text: string; readonly tone: string }>> = {
  online: { text: 'connected', tone: 'good' },
  connecting: { text: 'connecting', tone: 'warn' },
  offline: { text: 'reconnecting', tone: 'warn' },
  fenced: { text: 'taken over by another console', tone: 'bad' },
  closed: { text: 'closed', tone: 'bad' },
};

function ConnectionBadge(): ReactNode {
  const { link, connection } = useConsole();
  useSignal(connection);
  const { text, tone } = STATES[link.state] ?? { text: link.state, tone: 'warn' };
  return (
    <span className={`badge tone-${tone}`} role="status">
      <span className="dot" aria-hidden="true" />
      {text}
    </span>
  );
}
