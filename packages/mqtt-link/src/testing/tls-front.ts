import { once } from 'node:events';
import { createServer as createHttps } from 'node:https';
import { connect, type AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { createServer as createTls } from 'node:tls';
import { createWebSocketStream, WebSocketServer } from 'ws';

/** Self-signed for localhost and 127.0.0.1; protects nothing. */
export const TEST_CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBmjCCAUGgAwIBAgIUI45I/qUTmxEKHc6JMiZYZ3wLTS0wCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMzAxNDMyOVoYDzIxMjYxMDMw
MDE0MzI5WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAAS3tafnLmzwi0yKhKSFtmwZ9v1Y+twjO7XL/Ovp1L2fUW2xsxayuP6q
E33ed4Jdeh6jJHYCWsVTQed02LF8NmPro28wbTAdBgNVHQ4EFgQUaThqrD3zFUwq
SMo7IEHGNUkiVCgwHwYDVR0jBBgwFoAUaThqrD3zFUwqSMo7IEHGNUkiVCgwDwYD
VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZI
zj0EAwIDRwAwRAIgTG/K/nOuqnzfgfVwTcWEcHLoZHbFND+jVkyPl6uVg0kCIGg6
PHN6PK3+Zhbp/a5JwuNSUqxiK4rTT1+Qu6u69g+A
-----END CERTIFICATE-----
`;

const TEST_KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg12j5hgE4TlFOMyNi
PiUScJgefWaGEWIRdjldR+dg8tWhRANCAAS3tafnLmzwi0yKhKSFtmwZ9v1Y+twj
O7XL/Ovp1L2fUW2xsxayuP6qE33ed4Jdeh6jJHYCWsVTQed02LF8NmPr
-----END PRIVATE KEY-----
`;

export interface TlsFront {
  readonly mqttsUrl: string;
  readonly wssUrl: string;
  stop(): Promise<void>;
}

/** `mqtts:` and `wss:` before a broker that only speaks TCP. */
export async function startTlsFront(port: number): Promise<TlsFront> {
  const open = new Set<Duplex>();
  const join = (client: Duplex): void => {
    const broker = connect({ host: '127.0.0.1', port });
    for (const stream of [client, broker]) {
      open.add(stream);
      stream.on('error', () => stream.destroy()).on('close', () => open.delete(stream));
    }
    client.pipe(broker);
    broker.pipe(client);
  };
  const credentials = { cert: TEST_CERTIFICATE, key: TEST_KEY };
  const tls = createTls(credentials, join).listen(0, '127.0.0.1');
  const https = createHttps(credentials).listen(0, '127.0.0.1');
  new WebSocketServer({ server: https }).on('connection', (socket) => join(createWebSocketStream(socket)));
  await Promise.all([once(tls, 'listening'), once(https, 'listening')]);
  const portOf = (server: { address(): unknown }): number => (server.address() as AddressInfo).port;
  return {
    mqttsUrl: `mqtts://127.0.0.1:${portOf(tls)}`,
    wssUrl: `wss://localhost:${portOf(https)}`,
    async stop() {
      for (const stream of open) stream.destroy();
      https.closeAllConnections();
      tls.close();
      https.close();
      await Promise.all([once(tls, 'close'), once(https, 'close')]);
    },
  };
}
