/** An MCP server that knows nothing of MQTT, and a plain client of the SDK, over a broker in this process. */
import { Client } from '@modelcontextprotocol/client';
import { McpServer } from '@modelcontextprotocol/server';
import { createBroker } from '@shoal/broker';
import { MqttClientTransport, serveMcp } from '@shoal/mcp-mqtt';
import * as z from 'zod';

// Any server you have.
function createServer(): McpServer {
  const server = new McpServer({ name: 'calculator', version: '1.0.0' });
  const inputSchema = z.object({ a: z.number(), b: z.number() });
  server.registerTool('add', { inputSchema }, ({ a, b }) => ({
    content: [{ type: 'text', text: String(a + b) }],
  }));
  return server;
}

const broker = createBroker({ allowAnonymous: true });
const { url } = (await broker.start()).tcp!;

// Instead of `createServer().connect(new StdioServerTransport())`:
const serving = await serveMcp({ url, serverName: 'demo/calculator', server: createServer });

// Instead of `client.connect(new StdioClientTransport({ … }))`:
const client = new Client({ name: 'demo', version: '1.0.0' });
await client.connect(new MqttClientTransport({ url, serverName: 'demo/calculator' }));

const { content } = await client.callTool({ name: 'add', arguments: { a: 2, b: 3 } });
console.log(content); // [ { type: 'text', text: '5' } ]

await client.close();
await serving.stop();
await broker.stop();
