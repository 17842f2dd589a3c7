import { isLinkError } from '@shoal/mqtt-link';
import { isIdentifier } from '@shoal/protocol';
import { useEffect, useState, type ReactNode } from 'react';
import type { Scope, SeenScope } from '../core/scope.ts';
import { plural } from '../core/format.ts';
import { openConsole, type Console } from '../io/console.ts';
import { seenScopes, type Credentials } from '../io/credentials.ts';
import { readSettings } from '../io/settings.ts';
import { messageOf, useTitle } from './hooks.ts';
import { Field } from './parts/field.tsx';
import { Icon } from './parts/icon.tsx';
import { Notice } from './parts/page-head.tsx';
import type { useTheme } from './theme.ts';

interface LoginProps {
  readonly theme: ReturnType<typeof useTheme>;
  readonly onOpen: (console: Console) => void;
}

interface Form {
  readonly url: string;
  readonly username: string;
  readonly secret: string;
  readonly actAs: string;
  readonly org: string;
  readonly unit: string;
}

export function Login({ theme, onOpen }: LoginProps): ReactNode {
  useTitle('Sign in');
  const [form, setForm] = useState<Form>(() => ({
    url: '',
    username: '',
    secret: '',
    actAs: `operator-${crypto.randomUUID().slice(0, 6)}`,
    org: '',
    unit: '',
  }));
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<string | undefined>();
  const [seen, setSeen] = useState<readonly SeenScope[] | undefined>();
  useEffect(() => {
    void readSettings().then(({ brokerUrl, org, unit }) =>
      setForm((now) => ({ ...now, url: now.url || brokerUrl, org: now.org || org, unit: now.unit || unit })),
    );
  }, []);
  const set = (field: keyof Form) => (value: string) => setForm((now) => ({ ...now, [field]: value }));
  const credentials: Credentials = {
    url: form.url.trim(),
    username: form.username,
    secret: form.secret,
    actAs: form.actAs,
  };

  const attempt = async (work: () => Promise<void>): Promise<void> => {
    setBusy(true);
    setFailure(undefined);
    try {
      await work();
    } catch (error) {
      setFailure(explain(error));
    } finally {
      setBusy(false);
    }
  };
  const enter = (scope: Scope): Promise<void> =>
    attempt(async () => onOpen(await openConsole(credentials, scope)));
  const connect = async (): Promise<void> => {
    const fault = faultOf(form);
    if (fault !== undefined) return setFailure(fault);
    if (form.org !== '' && form.unit !== '') return enter({ org: form.org, unit: form.unit });
    return attempt(async () => {
      const { scopes, refused } = await seenScopes(credentials);
      const [only] = scopes;
      if (refused)
        throw new Error(
          'This credential may not look at all units: open "Unit and name" and type organisation and unit.',
        );
      if (only === undefined)
        throw new Error(
          'No agent and no session is to be seen on this broker: type organisation and unit under "Unit and name".',
        );
      if (scopes.length === 1) onOpen(await openConsole(credentials, only));
      else setSeen(scopes);
    });
  };

  return (
    <main className="login">
      <div className="login-box">
        <div className="login-head">
          <span className="brand brand-large">
            <Icon name="logo" />
            Shoal
          </span>
          <button
            type="button"
            className="icon-button"
            onClick={theme.toggle}
            aria-label={`Use the ${theme.theme === 'dark' ? 'light' : 'dark'} theme`}
          >
            <Icon name={theme.theme === 'dark' ? 'sun' : 'moon'} />
          </button>
        </div>
        <h1>{seen === undefined ? 'Connect to your fleet' : 'Which unit?'}</h1>
        {failure !== undefined && <Notice tone="bad">{failure}</Notice>}
        {seen === undefined ? (
          <form
            onSubmit={(event) => {
              event.preventDefault();
              void connect();
            }}
          >
            <Field
              label="Broker"
              help="WebSocket listener of the broker: ws:// or wss://"
              value={form.url}
              onChange={set('url')}
              placeholder="wss://broker.example:8084/mqtt"
              required
            />
            <Field
              label="User"
              help="Leave empty where the broker lets anybody in"
              value={form.username}
              onChange={set('username')}
              autoComplete="username"
            />
            <Field
              label="Password or token"
              help="Kept in memory until you sign out or close the page"
              value={form.secret}
              onChange={set('secret')}
              type="password"
              autoComplete="current-password"
            />
            <details className="disclosure">
              <summary>Unit and name</summary>
              <Field
                label="Organisation"
                help="Empty: choose from what this credential may see"
                value={form.org}
                onChange={set('org')}
              />
              <Field label="Unit" value={form.unit} onChange={set('unit')} />
              <Field
                label="Your name"
                help="Stands in records and decides whose approval counts"
                value={form.actAs}
                onChange={set('actAs')}
                required
              />
            </details>
            <button type="submit" className="button button-main button-wide" disabled={busy}>
              {busy ? 'Connecting …' : 'Connect'}
            </button>
          </form>
        ) : (
          <>
            <ul className="scope-list">
              {seen.map(({ org, unit, agents, sessions }) => (
                <li key={`${org}/${unit}`}>
                  <button
                    type="button"
                    className="scope-choice"
                    disabled={busy}
                    onClick={() => void enter({ org, unit })}
                  >
                    <span className="scope-name">
                      {org} / {unit}
                    </span>
                    <span className="muted">
                      {plural(agents, 'agent')}, {plural(sessions, 'session')}
                    </span>
                  </button>
                </li>
              ))}
            </ul>
            <button type="button" className="button" onClick={() => setSeen(undefined)}>
              Back
            </button>
          </>
        )}
      </div>
    </main>
  );
}

function faultOf({ url, actAs, org, unit }: Form): string | undefined {
  if (!URL.canParse(url.trim()) || !/^wss?:$/.test(new URL(url.trim()).protocol))
    return 'Broker must be a URL that begins with ws:// or wss://, such as ws://127.0.0.1:8083';
  if (!isIdentifier(actAs) || actAs === 'pool') return 'Your name takes letters, digits, "_", "." and "-"';
  if ((org === '') !== (unit === '')) return 'Give organisation and unit, or neither';
  if (org !== '' && (!isIdentifier(org) || !isIdentifier(unit)))
    return 'Organisation and unit take letters, digits, "_", "." and "-"';
  return undefined;
}

function explain(error: unknown): string {
  if (isLinkError(error, 'connect-refused'))
    return `The broker refused the connection: ${error.reasonString ?? error.message}. Check user and password, and whether this user may connect under "Your name".`;
  if (isLinkError(error, 'connect-failed') || isLinkError(error, 'connect-timeout'))
    return `No connection: ${error.message}. Check the address, that the broker has a WebSocket listener there, and that this page's policy (connect-src) allows it.`;
  return messageOf(error);
}
