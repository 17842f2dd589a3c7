import { randomUUID } from 'node:crypto';
import { isIP } from 'node:net';
import { connect as connectTls, type PeerCertificate } from 'node:tls';
import { isLinkError, openLink } from '@shoal/mqtt-link';
import type { Credentials } from '../connection/connect.ts';
import type { Check } from '../shapes/doctor.ts';
import { check, messageOf } from './patient.ts';

const CLOSE =
  'embedded: name users in --config and leave out --allow-anonymous; Mosquitto: allow_anonymous false with a password_file; EMQX: create an ' +
  'authenticator. `shoal acl` writes users and rules';

/** Tries the door without a key, and with a wrong one. */
export async function anonymous(credentials: Credentials, timeoutMs: number): Promise<Check[]> {
  const { url, username, tls } = credentials;
  const base = { url, reconnect: false as const, connectTimeoutMs: timeoutMs };
  // A client certificate is a credential too.
  const { ca, rejectUnauthorized, servername } = tls ?? {};
  const withoutKey = {
    ...(ca === undefined ? {} : { ca }),
    ...(rejectUnauthorized === undefined ? {} : { rejectUnauthorized }),
    ...(servername === undefined ? {} : { servername }),
  };
  const letIn = async (who: { username?: string; password?: string }): Promise<boolean | string> => {
    try {
      const link = await openLink({
        ...base,
        ...who,
        tls: withoutKey,
        clientId: `shoal-doctor-${randomUUID()}`,
      });
      await link.close();
      return true;
    } catch (error) {
      return isLinkError(error, 'connect-refused') ? false : messageOf(error);
    }
  };
  const title = 'anonymous access';
  const nobody = await letIn({});
  const first =
    nobody === true
      ? check('anonymous', title, 'error', 'anybody who reaches the broker is let in', CLOSE)
      : check(
          'anonymous',
          title,
          'ok',
          nobody === false
            ? 'clients without a credential are refused'
            : `clients without a credential get nowhere (${nobody})`,
        );
  if (username === undefined) return [first];
  const wrong = await letIn({ username, password: randomUUID() });
  return [
    first,
    wrong === true
      ? check('password', 'passwords are checked', 'error', `${username} is let in with any password`, CLOSE)
      : check('password', 'passwords are checked', 'ok', 'a wrong password is refused'),
  ];
}

const SOON_DAYS = 21;

export async function tls(credentials: Credentials, timeoutMs: number, now: number): Promise<Check> {
  const url = new URL(credentials.url);
  const title = 'TLS';
  if (url.protocol === 'mqtt:' || url.protocol === 'ws:') {
    const local = ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname);
    return check(
      'tls',
      title,
      local ? 'info' : 'error',
      local
        ? 'none, on this machine alone'
        : 'none: passwords and all messages cross the network in the clear',
      local ? null : 'open a TLS listener and use mqtts:// or wss://',
    );
  }
  const seen = await look(url, credentials, timeoutMs);
  if ('error' in seen) return check('tls', title, 'error', seen.error, 'check the certificate and --ca');
  const { protocol, certificate } = seen;
  const days = Math.floor((Date.parse(certificate.valid_to) - now) / 86_400_000);
  const facts = `${protocol}, certificate of ${nameOf(certificate)}, good until ${new Date(certificate.valid_to).toISOString()}`;
  if (credentials.tls?.rejectUnauthorized === false)
    return check(
      'tls',
      title,
      'warn',
      `${facts}; not checked, as --insecure says`,
      'give the authority with --ca',
    );
  if (days < 0) return check('tls', title, 'error', `${facts}: expired`, 'renew the certificate');
  if (protocol !== 'TLSv1.3' && protocol !== 'TLSv1.2')
    return check('tls', title, 'error', facts, 'switch off everything below TLS 1.2');
  if (days < SOON_DAYS)
    return check('tls', title, 'warn', `${facts}: ${days} days left`, 'renew the certificate');
  return check('tls', title, 'ok', facts);
}

type Look = { readonly error: string } | { readonly protocol: string; readonly certificate: PeerCertificate };

function look(url: URL, { tls: options = {} }: Credentials, timeoutMs: number): Promise<Look> {
  return new Promise((resolve) => {
    const fallback = url.protocol === 'wss:' ? 443 : 8883;
    const { ca, cert, key } = options;
    const host = url.hostname.replace(/^\[|\]$/g, '');
    // An address is no name (RFC 6066 §3): Node 26 throws.
    const servername = options.servername ?? (isIP(host) === 0 ? host : undefined);
    const socket = connectTls({
      host,
      port: url.port === '' ? fallback : Number(url.port),
      rejectUnauthorized: options.rejectUnauthorized ?? true,
      ...(ca === undefined ? {} : { ca: ca as string }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
      ...(servername === undefined ? {} : { servername }),
    });
    socket.setTimeout(timeoutMs, () => socket.destroy(new Error('no TLS handshake in time')));
    socket.once('error', (error) => resolve({ error: error.message }));
    socket.once('secureConnect', () => {
      resolve({ protocol: socket.getProtocol() ?? 'unknown', certificate: socket.getPeerCertificate() });
      socket.destroy();
    });
  });
}

function nameOf({ subject, subjectaltname }: PeerCertificate): string {
  const name: string | string[] | undefined = subject.CN ?? subjectaltname;
  return Array.isArray(name) ? name.join(', ') : (name ?? 'nobody');
}
