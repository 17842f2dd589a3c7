import { createRequester } from '@shoal/agent-sdk';
import type { DeviceStatus } from '@shoal/device-agent';
import { openLink } from '@shoal/mqtt-link';
import { clientIdOf } from '@shoal/protocol';

/** Asks a device agent of the demo for its status, as any agent could. */
export async function askStatus(url: string, device: string): Promise<DeviceStatus> {
  const address = { org: 'acme', unit: 'plant-1', agentId: `test-${Math.random().toString(36).slice(2)}` };
  const link = await openLink({ url, clientId: clientIdOf(address) });
  const requester = createRequester({ link, address });
  try {
    const reply = await requester.send({ ...address, agentId: device }, { data: { skill: 'status' } });
    const parts =
      'status' in reply ? (reply.artifacts ?? []).flatMap((artifact) => artifact.parts) : reply.parts;
    return parts.find((part) => part.data !== undefined)?.data as DeviceStatus;
  } finally {
    await requester.close();
    await link.close();
  }
}
