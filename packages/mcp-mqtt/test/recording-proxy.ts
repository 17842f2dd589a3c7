import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import mqttPacket, { type Packet } from 'mqtt-packet';

export interface RecordingProxy {
  readonly url: string;
  /** What clients sent, in order, all connections together. */
  readonly sent: readonly Packet[];
  stop(): Promise<void>;
}

/** A TCP proxy that reads along what MQTT 5 clients send. */
export async function startRecordingProxy(target: {
  readonly host: string;
  readonly port: number;
}): Promise<RecordingProxy> {
  const sent: Packet[] = [];
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (client) => {
    const broker = connect({ ...target, noDelay: true });
    const parser = mqttPacket.parser({ protocolVersion: 5 });
    parser.on('packet', (packet) => void sent.push(packet));
    client.on('data', (chunk) => {
      parser.parse(chunk);
      broker.write(chunk);
    });
    client.on('end', () => broker.end());
    broker.pipe(client);
    for (const socket of [client, broker]) {
      sockets.add(socket);
      socket.on('error', () => socket.destroy()).on('close', () => sockets.delete(socket));
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`,
    sent,
    async stop() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
