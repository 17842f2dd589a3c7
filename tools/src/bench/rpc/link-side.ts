import { createReplyRouter, openLink } from '@shoal/mqtt-link';
import type { RpcSide, SideParameters } from './side.ts';

const USER_PROPERTIES = { 'a2a-version': '1.0', 'a2a-extensions': 'none' };

export async function linkResponder(parameters: SideParameters): Promise<void> {
  const link = await openLink({ url: parameters.url, clientId: 'bench/link/responder' });
  const reply = Buffer.alloc(parameters.replyBytes, 'r');
  const item = Buffer.alloc(parameters.itemBytes, 'i');
  await link.subscribe(
    `bench/${parameters.name}/request`,
    ({ payload, responseTopic = '', correlationData }) => {
      const options = {
        correlationData: correlationData ?? Buffer.alloc(0),
        userProperties: USER_PROPERTIES,
      };
      const items = new DataView(payload.buffer, payload.byteOffset).getUint32(0);
      if (items === 0) void link.publish(responseTopic, reply, options);
      else for (let i = 0; i < items; i += 1) void link.publish(responseTopic, item, options);
    },
  );
}

export async function linkRequester(parameters: SideParameters): Promise<RpcSide> {
  const link = await openLink({ url: parameters.url, clientId: 'bench/link/requester' });
  const router = createReplyRouter(link, { replyTopic: `bench/${parameters.name}/reply` });
  await router.start();
  const request = (items: number): Promise<void> =>
    new Promise((done) => {
      let left = Math.max(1, items);
      const payload = Buffer.alloc(parameters.requestBytes, 'q');
      payload.writeUInt32BE(items);
      const pending = router.request(`bench/${parameters.name}/request`, payload, {
        userProperties: USER_PROPERTIES,
        onReply: () => {
          if ((left -= 1) > 0) return;
          pending.close();
          done();
        },
      });
    });
  return { roundTrip: () => request(0), stream: request };
}
