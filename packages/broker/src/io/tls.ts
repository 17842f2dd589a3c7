import { createSecureContext, TLSSocket, type SecureContext, type Server as TlsServer } from 'node:tls';
import type { Socket } from 'node:net';

import { BrokerError } from './broker-error.ts';
import { splitCrl } from './revocation-lists.ts';

export interface ServerCertificate {
  /** PEM. */
  readonly key: string | Buffer;
  /** PEM, with the chain. */
  readonly cert: string | Buffer;
}

export interface TlsOptions extends ServerCertificate {
  /** PEM: clients must show a certificate signed by one of these. Unset: clients need none. */
  readonly clientCa?: string | Buffer;
  /**
   * PEM, with `clientCa`: lists of the certificates that their authorities have revoked. There has to be a current one of every
   * authority in a client's chain. Default: none is asked for.
   */
  readonly clientCrl?: string | Buffer;
  /** With `clientCa`. Default true; false lets in clients without a valid certificate, for `authenticate` to judge. */
  readonly requireClientCertificate?: boolean;
  /** Other certificates by the server name that the client asks for (SNI); `*.example.com` covers one level. */
  readonly serverNames?: Readonly<Record<string, ServerCertificate>>;
}

/** The certificate that a client showed and that `clientCa` vouches for. */
export interface ClientCertificate {
  /** CN of the subject, if it has exactly one. */
  readonly commonName: string | undefined;
  /** Attributes of the subject, such as `CN`, `O`, `OU`. */
  readonly subject: Readonly<Record<string, string | readonly string[]>>;
  /** As OpenSSL writes it, such as `DNS:pump-01, URI:urn:pump:01`. */
  readonly subjectAltName: string | undefined;
  /** SHA-256, hexadecimal with colons. */
  readonly fingerprint256: string;
  readonly serialNumber: string;
  /** DER. */
  readonly raw: Buffer;
}

const contextOptions = ({ key, cert }: ServerCertificate, { clientCa, clientCrl }: TlsOptions) => ({
  key,
  cert,
  ...(clientCa === undefined ? {} : { ca: clientCa }),
  ...(clientCrl === undefined ? {} : { crl: [...splitCrl(clientCrl)] }),
});

/** `*` stands for one level. */
const patternOf = (name: string): RegExp =>
  new RegExp(`^${name.replaceAll(/[.^$+?()[\]{}|\\-]/g, '\\$&').replaceAll('*', '[^.]*')}$`, 'i');

interface Named {
  readonly pattern: RegExp;
  readonly context: SecureContext;
}

const contextsOf = (options: TlsOptions): readonly Named[] =>
  Object.entries(options.serverNames ?? {}).map(([name, certificate]) => ({
    pattern: patternOf(name),
    context: createSecureContext(contextOptions(certificate, options)),
  }));

const asks = ({ clientCa, requireClientCertificate = true }: TlsOptions): string =>
  clientCa === undefined ? 'nothing' : String(requireClientCertificate);

/** Keys and certificates of one listener, which may be replaced while it listens. */
export class ListenerTls {
  private options: TlsOptions;
  private names: readonly Named[];
  private server: TlsServer | undefined;

  /** Throws BrokerError `invalid-options`. */
  constructor(options: TlsOptions) {
    this.options = options;
    this.names = withTlsErrors(() => contextsOf(options));
  }

  /** To make the server with. */
  get serverOptions() {
    const { clientCa, requireClientCertificate = true } = this.options;
    return {
      ...contextOptions(this.options, this.options),
      ...(clientCa === undefined ? {} : { requestCert: true, rejectUnauthorized: requireClientCertificate }),
      SNICallback: (name: string, done: (error: Error | null, context?: SecureContext) => void): void =>
        done(null, this.names.findLast(({ pattern }) => pattern.test(name))?.context),
    };
  }

  serve(server: TlsServer): void {
    this.server = server;
  }

  /**
   * Checks others and returns what puts them to use, for handshakes from then on: sessions from before cannot be resumed. Throws BrokerError
   * `invalid-options`.
   */
  prepare(options: TlsOptions): () => void {
    if (asks(options) !== asks(this.options)) {
      throw new BrokerError(
        'invalid-options',
        'tls: whether clients must show a certificate changes only with a new start',
      );
    }
    const names = withTlsErrors(() => contextsOf(options));
    withTlsErrors(() => createSecureContext(contextOptions(options, options)));
    return () => {
      this.options = options;
      this.names = names;
      this.server?.setSecureContext(contextOptions(options, options));
    };
  }
}

/** Runs what reads keys and certificates; a bad one is the fault of the options. */
export function withTlsErrors<T>(make: () => T): T {
  try {
    return make();
  } catch (error) {
    throw new BrokerError(
      'invalid-options',
      `tls: ${error instanceof Error ? error.message : String(error)}`,
      error,
    );
  }
}

export function certificateOf(socket: Socket): ClientCertificate | undefined {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined;
  const shown = socket.getPeerX509Certificate();
  if (shown === undefined) return undefined;
  // The record has no prototype, and attributes that occur more than once as arrays.
  const subject = { ...shown.toLegacyObject().subject } as unknown as ClientCertificate['subject'];
  const name = subject['CN'];
  return {
    commonName: typeof name === 'string' ? name : undefined,
    subject,
    subjectAltName: shown.subjectAltName,
    fingerprint256: shown.fingerprint256,
    serialNumber: shown.serialNumber,
    raw: shown.raw,
  };
}
