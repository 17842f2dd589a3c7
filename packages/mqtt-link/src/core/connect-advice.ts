const NO_TLS = 'the broker does not speak TLS on this port: use mqtt:// or its TLS port';

/** What most likely went wrong before CONNACK, as something to do. Pure text; branch on the LinkError's code, never on this. */
const BY_ERROR_CODE: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there: is the broker running, and is the port right?',
  ENOTFOUND: 'the host name is not known: check its spelling, and the DNS',
  EAI_AGAIN: 'the name server did not answer: check the network',
  ETIMEDOUT: 'the host does not answer: check the address, and the firewall',
  EHOSTUNREACH: 'there is no route to the host: check the address, and the network',
  ENETUNREACH: 'there is no route to the host: check the address, and the network',
  ERR_SSL_WRONG_VERSION_NUMBER: NO_TLS,
  EPROTO: NO_TLS,
  DEPTH_ZERO_SELF_SIGNED_CERT: 'the certificate is self-signed: give it, or its CA, as tls.ca',
  SELF_SIGNED_CERT_IN_CHAIN: 'the CA of the certificate is not known here: give it as tls.ca',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'the CA of the certificate is not known here: give it as tls.ca',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'the CA of the certificate is not known here: give it as tls.ca',
  CERT_HAS_EXPIRED: 'the certificate of the broker has expired (or the clock here is wrong)',
  ERR_TLS_CERT_ALTNAME_INVALID:
    'the certificate is for another host name: use that name, or set tls.servername',
};

const NO_MQTT_5 =
  'the broker may speak MQTT 3.1.1 only, and MQTT 5 is needed; or this is the port of another protocol';

export function connectAdvice(error: Error | undefined): string | undefined {
  if (error === undefined) return NO_MQTT_5;
  if (error.message.includes('before secure TLS connection')) return NO_TLS;
  const { code } = error as { readonly code?: unknown };
  if (typeof code === 'string') {
    const known = BY_ERROR_CODE[code];
    if (known !== undefined) return known;
    if (code === 'ECONNRESET' || code === 'EPIPE') return NO_MQTT_5;
  }
  if (/Unexpected server response: 4\d\d/.test(error.message)) {
    return 'the server there is no MQTT broker, or wants another path, such as /mqtt';
  }
  return undefined;
}

/** CONNACK return codes of MQTT 3.1.1 §3.2.2.3, which a broker sends that cannot read MQTT 5. */
export function isOldConnack(reasonCode: number): boolean {
  return reasonCode >= 1 && reasonCode <= 5;
}

export const OLD_BROKER =
  'the broker answered in MQTT 3.1.1: MQTT 5 is needed, for example Mosquitto 2, EMQX 5, HiveMQ 4 or @shoal/broker';
