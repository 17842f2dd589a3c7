/** A person's client: says yes to the session, and waits for what comes of it. It is killed before it hears. */
import { createRequester } from '@shoal/agent-sdk';
import { openLink } from '@shoal/mqtt-link';

const { SHOAL_TEST_URL: url = '', SHOAL_TEST_UNIT: unit = '', SHOAL_TEST_SESSION: taskId = '' } = process.env;
const address = { org: 'o', unit, agentId: 'boss' };
const link = await openLink({ url, clientId: `o/${unit}/boss` });
const requester = createRequester({ link, address });
await requester.send(
  { ...address, agentId: 'flow' },
  { text: 'approve', taskId },
  { firstReplyTimeoutMs: 150_000 },
);
