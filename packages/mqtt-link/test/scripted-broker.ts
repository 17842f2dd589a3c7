import { EventEmitter, once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import mqttPacket, { type IConnackPacket, type Packet } from 'mqtt-packet';

type Reply = Packet | Buffer | 'close';
type Script = (packet: Packet, connection: number) => readonly Reply[] | undefined;

/** A broker that answers packet by packet as a test says, for what no real broker does on demand. */
export interface ScriptedBroker {
  readonly url: string;
  /** Every packet of the clients, in order. */
  readonly received: readonly (Packet & { readonly connection: number })[];
  /** Sends to the newest connection. */
  send(reply: Reply): void;
  /** Waits for the n-th packet (default the first) of a kind, counted from the start. */
  waitFor(cmd: Packet['cmd'], nth?: number): Promise<Packet>;
  stop(): Promise<void>;
}

export function connack(fields: Partial<IConnackPacket> = {}): IConnackPacket {
  return { cmd: 'connack', reasonCode: 0, sessionPresent: false, ...fields };
}

/** `script` may answer; a packet that it has no answer for (undefined) is answered like a good broker would. */
export async function startScriptedBroker(script: Script = () => undefined): Promise<ScriptedBroker> {
  const received: (Packet & { connection: number })[] = [];
  const arrived = new EventEmitter();
  const sockets = new Set<Socket>();
  let newest: Socket | undefined;
  let connections = 0;
  const write = (socket: Socket | undefined, reply: Reply): void => {
    if (reply === 'close') socket?.destroy();
    else if (Buffer.isBuffer(reply)) socket?.write(reply);
    else socket?.write(mqttPacket.generate(reply, { protocolVersion: 5 }));
  };
  const server = createServer({ noDelay: true }, (socket) => {
    const connection = (connections += 1);
    newest = socket;
    sockets.add(socket);
    const parser = mqttPacket.parser({ protocolVersion: 5 });
    parser.on('packet', (packet) => {
      received.push({ ...packet, connection });
      for (const reply of script(packet, connection) ?? politely(packet)) write(socket, reply);
      arrived.emit('packet');
    });
    parser.on('error', () => socket.destroy());
    socket.on('data', (chunk) => parser.parse(chunk));
    socket.on('error', () => socket.destroy()).on('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    send: (reply) => write(newest, reply),
    async waitFor(cmd, nth = 1) {
      for (;;) {
        const found = received.filter((packet) => packet.cmd === cmd)[nth - 1];
        if (found !== undefined) return found;
        await once(arrived, 'packet');
      }
    },
    async stop() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

function politely(packet: Packet): readonly Packet[] {
  const messageId = packet.messageId ?? 0;
  switch (packet.cmd) {
    case 'connect':
      return [connack()];
    case 'publish':
      if (packet.qos === 0) return [];
      return [{ cmd: packet.qos === 1 ? 'puback' : 'pubrec', messageId, reasonCode: 0 }];
    case 'pubrel':
      return [{ cmd: 'pubcomp', messageId, reasonCode: 0 }];
    case 'subscribe':
      return [{ cmd: 'suback', messageId, granted: packet.subscriptions.map(({ qos }) => qos) }];
    case 'unsubscribe':
      return [{ cmd: 'unsuback', messageId, granted: packet.unsubscriptions.map(() => 0) }];
    case 'pingreq':
      return [{ cmd: 'pingresp' }];
    default:
      return [];
  }
}
