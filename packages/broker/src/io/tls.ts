import { createSecureContext, TLSSocket, type Server as TlsServer } from 'node:tls';
import type { Socket } from 'node:net';

import { BrokerError } from './broker-error.ts';

export interface ServerCertificate {
  /** PEM. */
  readonly key: string | Buffer;
  /** PEM, with the chain. */
  readonly cert: string | Buffer;
}

export interface TlsOptions extends ServerCertificate {
  /** PEM: clients must show a certificate signed by one of these. Unset: clients need none. */
  readonly clientCa?: string | Buffer;
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

export const secureOptions = ({ key, cert, clientCa, requireClientCertificate = true }: TlsOptions) => ({
  key,
  cert,
  ...(clientCa === undefined
    ? {}
    : { ca: clientCa, requestCert: true, rejectUnauthorized: requireClientCertificate }),
});

export function addServerNames(server: TlsServer, { serverNames = {}, clientCa }: TlsOptions): void {
  for (const [name, { key, cert }] of Object.entries(serverNames)) {
    server.addContext(
      name,
      createSecureContext({ key, cert, ...(clientCa === undefined ? {} : { ca: clientCa }) }),
    );
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
