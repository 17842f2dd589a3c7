import { parseManifest, type Manifest } from '@shoal/conformance';
import { bundle } from '../bench/bundle.ts';

const source = (name: string): URL => new URL(`./${name}.ts`, import.meta.url);

/** Shoal's SDK as a subject: each program bundled into one file, so that its many processes start quickly. */
export async function selfManifest(): Promise<Manifest> {
  const [agent, requester, subscriber] = await Promise.all(
    ['test-agent', 'test-requester', 'test-subscriber'].map((name) => bundle(source(name))),
  );
  const address = ['{url}', '{org}', '{unit}', '{agentId}'];
  return parseManifest(
    JSON.stringify({
      name: "Shoal's SDK",
      responder: {
        command: [
          process.execPath,
          agent,
          ...address,
          '{variant}',
          '{pool}',
          '{issuer}',
          '{audience}',
          '{jwks}',
        ],
        offers: [
          'count',
          'slow',
          'progress',
          'chunks',
          'ask',
          'authorize',
          'fail',
          'reject',
          'bytes',
          'handover',
        ],
        variants: ['busy', 'extension', 'pool', 'bearer'],
      },
      requester: {
        command: [
          process.execPath,
          requester,
          ...address,
          '{target}',
          '{operation}',
          '{text}',
          '{argument}',
          '{firstReplyTimeoutMs}',
          '{streamIdleTimeoutMs}',
        ],
        operations: ['send', 'stream', 'get', 'cancel', 'parallel', 'converse', 'pool', 'bearer'],
        offers: ['outcome', 'timing', 'handover'],
      },
      subscriber: { command: [process.execPath, subscriber, ...address] },
    }),
  );
}
