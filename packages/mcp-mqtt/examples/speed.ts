/** A server with one tool and a client, over a broker in this process. */
import { McpServer } from '@modelcontextprotocol/server';
import { createBroker } from '@shoal/broker';
import * as z from 'zod';
import { callJsonTool, connectMcp, serveMcp } from '../src/index.ts';

const broker = createBroker({ allowAnonymous: true });
const { tcp } = await broker.start();
const url = tcp!.url;

const serving = await serveMcp({
  url,
  serverId: 'acme.plant-1.pump-01',
  serverName: 'shoal/acme/plant-1/pump-01',
  description: 'Pump 1: read its speed.',
  server: () => {
    const server = new McpServer({ name: 'pump-01', version: '1.0.0' });
    server.registerTool('read_speed', { inputSchema: z.object({}) }, () => ({
      content: [{ type: 'text', text: JSON.stringify({ rpm: 1797 }) }],
    }));
    return server;
  },
});

const connection = await connectMcp({ url, serverName: 'shoal/acme/plant-1/pump-01' });
process.stdout.write(`${JSON.stringify(await callJsonTool(connection.client, 'read_speed'))}\n`);
await connection.close();
await serving.stop();
await broker.stop();
