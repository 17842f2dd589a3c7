import { createAgent, createRequester } from '@shoal/agent-sdk';
import { openLink } from '@shoal/mqtt-link';
import type { AgentAddress } from '@shoal/protocol';
import type { RpcSide } from './side.ts';

export const RESPONDER: AgentAddress = { org: 'bench', unit: 'rpc', agentId: 'responder' };
export const REQUESTER: AgentAddress = { org: 'bench', unit: 'rpc', agentId: 'requester' };

const TEXT = 'x'.repeat(200);

/** A whole agent: card, presence, task store, JSON-RPC, deduplication by task and message id. */
export async function sdkResponder(url: string): Promise<void> {
  const agent = createAgent({
    url,
    ...RESPONDER,
    card: {
      name: 'Benchmark',
      description: 'Answers what it is asked, and streams when it is told how much.',
      version: '1.0.0',
      skills: [{ id: 'echo', name: 'Echo', description: 'Answers.', tags: ['bench'] }],
    },
    concurrency: 1_024,
    maxQueued: 10_000,
    handle: async (task) => {
      const items = (task.data as { items?: number } | undefined)?.items ?? 0;
      for (let i = 0; i < items; i += 1) await task.progress(TEXT);
      return TEXT;
    },
  });
  await agent.start();
}

export async function sdkRequester(url: string): Promise<RpcSide> {
  const link = await openLink({ url, clientId: 'bench/rpc/requester' });
  const requester = createRequester({ link, address: REQUESTER });
  return {
    async roundTrip() {
      await requester.send(RESPONDER, TEXT);
    },
    async stream(items) {
      let seen = 0;
      for await (const item of requester.stream(RESPONDER, { data: { items } }))
        seen += item === undefined ? 0 : 1;
      if (seen < items) throw new Error(`${seen} of ${items} items came`);
    },
  };
}
