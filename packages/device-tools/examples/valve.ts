/** A valve with two tools, over a broker in this process: what is refused, and what an approval changes. */
import { McpServer } from '@modelcontextprotocol/server';
import { createBroker } from '@shoal/broker';
import { defineDeviceTool, DeviceToolGuard, registerDeviceTools, RequestMemory } from '@shoal/device-tools';
import { connectMcp, serveMcp } from '@shoal/mcp-mqtt';
import { Type } from 'typebox';

let open = 20;
const position = defineDeviceTool({
  name: 'set_position',
  title: 'Set the position',
  description: 'Opens the valve to a part of its travel.',
  risk: 'reversible',
  idempotent: true,
  args: { percent: Type.Number({ minimum: 0, maximum: 100, unit: '%' }) },
  interlocks: [
    {
      name: 'pressure-high',
      description: 'The valve is not moved under full pressure.',
      blockedWhen: { channel: 'pressure', unit: 'bar', above: 8 },
    },
  ],
  preview: ({ percent }) => ({ percent, was: open }),
  run: ({ percent }) => {
    const was = open;
    open = percent;
    return { percent, was };
  },
});

const channels = { pressure: 3.2 };
const guard = new DeviceToolGuard({
  deviceId: 'valve-01',
  tools: [position],
  memory: new RequestMemory({ id: 'since-this-start' }),
  approval: () => undefined,
  approvalTopic: (id) => `shoal/v1/acme/plant-1/device/valve-01/approval/${id}`,
  channels: () => channels,
  nowMs: () => Date.now(),
  elapsedMs: () => performance.now(),
});

const broker = createBroker({ allowAnonymous: true });
const { url } = (await broker.start()).tcp!;
const serving = await serveMcp({
  url,
  serverName: 'acme/valve-01',
  server: () => {
    const server = new McpServer({ name: 'valve-01', version: '1.0.0' });
    registerDeviceTools(server, guard);
    return server;
  },
});
const { client, close } = await connectMcp({ url, serverName: 'acme/valve-01' });
const call = async (args: Record<string, unknown>) =>
  console.log((await client.callTool({ name: 'set_position', arguments: args })).content);

await call({ percent: 130 }); // invalid-arguments: percent is 130; it must be 0 to 100 %
await call({ percent: 60, dryRun: true }); // {"dryRun":true,"would":{"percent":60,"was":20}}
await call({ percent: 60, requestId: 'k1' }); // {"percent":60,"was":20}
await call({ percent: 60, requestId: 'k1' }); // the same, and nothing moved
channels.pressure = 9;
await call({ percent: 10 }); // interlock: interlock pressure-high: pressure is 9 bar, above 8 bar

await close();
await serving.stop();
await broker.stop();
