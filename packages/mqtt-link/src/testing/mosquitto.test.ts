import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { expect, test } from 'vitest';
import { mosquittoPath, startMosquitto } from './mosquitto.ts';

/** False while the dead still has the port. */
async function listens(server: Server, port: number): Promise<boolean> {
  server.listen(port, '127.0.0.1');
  return once(server, 'listening').then(
    () => true,
    () => false,
  );
}

test.skipIf(mosquittoPath() === undefined)(
  'another program that has its port is not taken for Mosquitto',
  async () => {
    const mosquitto = await startMosquitto();
    const other = createServer();
    try {
      process.kill(mosquitto.pid, 'SIGKILL');
      await expect.poll(() => listens(other, mosquitto.port)).toBe(true);
      await expect(mosquitto.restart()).rejects.toThrow('Address already in use');
    } finally {
      other.close();
      await mosquitto.stop();
    }
  },
);
