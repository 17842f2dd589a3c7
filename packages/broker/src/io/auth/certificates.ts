import type { ClientCertificate } from '../tls.ts';
import type { Authenticate } from './door.ts';

export interface CertificateOptions {
  /**
   * Where the client id stands in the certificate: its common name, or any of its alternative names of that kind. Default `cn`, which can
   * hold `org/unit/agentId`.
   */
  readonly clientIdFrom?: 'cn' | 'san-dns' | 'san-uri';
  /** What stands before the client id, such as `urn:shoal:agent:`; names without it do not count. Default: nothing. */
  readonly prefix?: string;
  /** Of all clients that come this way. Default: none. */
  readonly namespace?: string;
}

const ALTERNATIVE = /(?:^|, )(DNS|URI):("(?:[^"\\]|\\.)*"|[^,]*)/g;

function namesOf(
  { commonName, subjectAltName }: ClientCertificate,
  from: 'cn' | 'san-dns' | 'san-uri',
): readonly string[] {
  if (from === 'cn') return commonName === undefined ? [] : [commonName];
  const kind = from === 'san-dns' ? 'DNS' : 'URI';
  // Node quotes, as JSON, names that could be taken for several.
  return [...(subjectAltName ?? '').matchAll(ALTERNATIVE)]
    .filter(([, found]) => found === kind)
    .map(([, , name = '']) => (name.startsWith('"') ? (JSON.parse(name) as string) : name));
}

/**
 * Lets in who showed a certificate that the listener's `clientCa` vouches for, and binds it to the client ids in it. A name with `*` counts
 * for nothing: it would be a pattern.
 */
export function authenticateCertificates(options: CertificateOptions = {}): Authenticate {
  const { clientIdFrom = 'cn', prefix = '', namespace } = options;
  return ({ certificate }) => {
    if (certificate === undefined) return false;
    const clientIds = namesOf(certificate, clientIdFrom)
      .filter((name) => name.startsWith(prefix) && !name.includes('*'))
      .map((name) => name.slice(prefix.length))
      .filter((name) => name !== '');
    const [username] = clientIds;
    if (username === undefined) return false;
    return { username, clientIds, ...(namespace === undefined ? {} : { namespace }) };
  };
}
