import { AsnConvert, AsnParser } from '@peculiar/asn1-schema';
import { Certificate, CertificateList, type Name } from '@peculiar/asn1-x509';

import type { ClientCertificate } from './tls.ts';

const CRL = /-----BEGIN X509 CRL-----[^-]*-----END X509 CRL-----/g;

/** The lists of one PEM text, each on its own: OpenSSL takes them one by one. */
export function splitCrl(pem: string | Buffer): readonly string[] {
  const lists = pem.toString().match(CRL);
  if (lists === null) throw new Error('clientCrl: there is no X509 CRL in it, in PEM');
  return lists;
}

/** Which certificates their authorities have taken back. */
export interface RevocationLists {
  has(certificate: Pick<ClientCertificate, 'raw'>): boolean;
}

export const NOTHING_REVOKED: RevocationLists = { has: () => false };

/** A serial number is its issuer's own. */
const entry = (issuer: Name, serialNumber: ArrayBuffer): string =>
  [AsnConvert.serialize(issuer), serialNumber].map((bytes) => Buffer.from(bytes).toString('hex')).join(' ');

/** Reads PEM texts of one or more lists each (RFC 5280 §5); their signatures are for the handshake to check. Throws what it cannot read. */
export function readRevocationLists(pems: readonly (string | Buffer)[]): RevocationLists {
  const revoked = new Set<string>();
  for (const pem of pems.flatMap(splitCrl)) {
    const der = Buffer.from(pem.replaceAll(/-----[^-]*-----|\s/g, ''), 'base64');
    const { issuer, revokedCertificates = [] } = AsnParser.parse(der, CertificateList).tbsCertList;
    for (const { userCertificate } of revokedCertificates) revoked.add(entry(issuer, userCertificate));
  }
  if (revoked.size === 0) return NOTHING_REVOKED;
  return {
    has({ raw }) {
      const { issuer, serialNumber } = AsnParser.parse(raw, Certificate).tbsCertificate;
      return revoked.has(entry(issuer, serialNumber));
    },
  };
}
