import { isLoopback } from './auth/defaults.ts';
import { BrokerError } from './broker-error.ts';
import type { BrokerAddresses, ListenOptions, LiveChanges } from './broker-options.ts';
import type { Management } from './http/management.ts';
import { readRevocationLists } from './revocation-lists.ts';
import { listenTcp, listenWebSocket, type Listener } from './listeners.ts';
import type { Server } from './server.ts';
import { withTlsErrors, type TlsOptions } from './tls.ts';

/** The listeners of one broker. */
export class Listening {
  private readonly server: Server;
  private readonly allowsAnonymous: boolean;
  private tcp: Listener | undefined;
  private ws: Listener | undefined;
  private management: Management | undefined;
  /** By listener, from the last reload that named it: a handshake that began before it may still be under way. */
  private lists: Readonly<Record<string, TlsOptions['clientCrl']>> = {};

  constructor(server: Server, allowsAnonymous: boolean) {
    this.server = server;
    this.allowsAnonymous = allowsAnonymous;
  }

  /** For clients. Rejects with BrokerError `listen-failed`, `invalid-options`. */
  async open({ tcp = {}, ws = false }: ListenOptions): Promise<BrokerAddresses> {
    if (tcp !== false) this.tcp = this.opened(await listenTcp(this.server, tcp));
    if (ws !== false) this.ws = this.opened(await listenWebSocket(this.server, ws));
    return {
      ...(this.tcp === undefined ? {} : { tcp: this.tcp.address }),
      ...(this.ws === undefined ? {} : { ws: this.ws.address }),
    };
  }

  private opened(listener: Listener): Listener {
    const { host, url } = listener.address;
    if (this.allowsAnonymous && !isLoopback(host)) {
      this.server.logger.warn('anyone who reaches this address may connect: unset allowAnonymous', { url });
    }
    return listener;
  }

  /** First of all, and last to close: probes see the broker start and drain. */
  async openManagement(opening: Promise<Management>): Promise<BrokerAddresses> {
    this.management = await opening;
    return { http: this.management.address };
  }

  /** Checks all changes before the first is put to use. Throws BrokerError `invalid-options`. */
  reload({ tls = {}, apiKeys }: LiveChanges): void {
    const { tcp, ws, management } = this;
    const changes = Object.entries({ tcp, ws, http: management }).flatMap(([name, listener]) => {
      const options = tls[name as keyof typeof tls];
      if (options === undefined) return [];
      if (listener?.tls !== undefined) return [listener.tls.prepare(options)];
      throw new BrokerError('invalid-options', `tls: the listener ${name} was not started with TLS`);
    });
    if (apiKeys !== undefined) {
      if (management === undefined)
        throw new BrokerError('invalid-options', 'apiKeys: there is no HTTP listener');
      changes.push(management.credentials.prepare(apiKeys));
    }
    const named = Object.entries(tls).filter(([, options]) => options !== undefined);
    const lists = {
      ...this.lists,
      ...Object.fromEntries(named.map(([name, { clientCrl }]) => [name, clientCrl])),
    };
    const pems = Object.values(lists).filter((list) => list !== undefined);
    const revoked = withTlsErrors(() => readRevocationLists(pems));
    for (const change of changes) change();
    if (named.length === 0) return;
    this.lists = lists;
    const disconnected =
      this.server.disconnectRevoked(revoked) + (management?.disconnectRevoked(revoked) ?? 0);
    if (disconnected > 0) this.server.logger.warn('clients with revoked certificates', { disconnected });
  }

  /** Lets nobody in any more. */
  async close(): Promise<void> {
    await Promise.all([this.tcp?.close(), this.ws?.close()]);
  }

  async closeManagement(): Promise<void> {
    await this.management?.close();
  }
}
