import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import mqttPacket from 'mqtt-packet';

/** A TCP proxy that adds user properties to each CONNACK: a broker that suggests names, as the specification lets it. */
export async function startSuggestingProxy(
  target: { readonly host: string; readonly port: number },
  userProperties: Record<string, string>,
): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (client) => {
    const broker = connect({ ...target, noDelay: true });
    const parser = mqttPacket.parser({ protocolVersion: 5 });
    parser.on('packet', (packet) => {
      if (packet.cmd === 'connack') packet.properties = { ...packet.properties, userProperties };
      client.write(mqttPacket.generate(packet, { protocolVersion: 5 }));
    });
    client.pipe(broker);
    broker.on('data', (chunk) => parser.parse(chunk)).on('end', () => client.end());
    for (const socket of [client, broker]) {
      sockets.add(socket);
      socket.on('error', () => socket.destroy()).on('close', () => sockets.delete(socket));
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async stop() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
