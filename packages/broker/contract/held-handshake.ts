import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/**
 * Between one TLS client and a server: what the client says after the server's first answer waits, and that is its certificate. So the server began
 * the handshake with its keys and lists of then.
 */
export class HeldHandshake {
  private readonly server = createServer();
  private readonly sockets: Socket[] = [];
  private readonly waiting: Buffer[] = [];
  private holds = false;

  /** Returns the port for the client, and what resolves when the server waits for the certificate. */
  async open(port: number): Promise<{ readonly port: number; readonly begun: Promise<unknown> }> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    const begun = once(this.server, 'connection').then(([client]) => this.relay(client as Socket, port));
    return { port: (this.server.address() as AddressInfo).port, begun };
  }

  private relay(client: Socket, port: number): Promise<unknown> {
    const server = connect(port, '127.0.0.1');
    this.sockets.push(server, client);
    client.on('error', () => undefined).on('close', () => server.destroy());
    server.on('error', () => undefined).on('close', () => client.destroy());
    client.on('data', (chunk: Buffer) => {
      if (this.holds) this.waiting.push(chunk);
      else server.write(chunk);
    });
    server.once('data', () => (this.holds = true));
    server.pipe(client);
    return once(server, 'data');
  }

  release(): void {
    this.holds = false;
    for (const chunk of this.waiting.splice(0)) this.sockets[0]?.write(chunk);
  }

  close(): void {
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
  }
}
