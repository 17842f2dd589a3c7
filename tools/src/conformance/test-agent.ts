import { createAgent, type TaskContext } from '@shoal/agent-sdk';
import { bearerTokens } from '@shoal/agent-sdk/security';

/** The test agent of the conformance kit on Shoal's own SDK. Its commands are described in packages/conformance/README.md. */
const [url = '', org = '', unit = '', agentId = '', variant = 'plain', ...values] = process.argv.slice(2);
const [pool = '', issuer = '', audience = '', jwks = ''] = values;
const counts = new Map<string, number>();

async function obey(task: TaskContext): Promise<string | undefined> {
  const [word = '', ...rest] = task.text.split(' ');
  const argument = rest.join(' ');
  // The answer to a question: whatever it says is what the task is done with.
  if (task.history.length > 1) return `answer ${task.text}`;
  switch (word) {
    case 'count': {
      const count = (counts.get(argument) ?? 0) + 1;
      counts.set(argument, count);
      return `${argument}=${count}`;
    }
    case 'slow':
      await task.progress('at it');
      await sleep(Number(argument), task.signal);
      return 'done';
    case 'progress':
      for (let n = 0; n < Number(argument); n += 1) await task.progress(`${n}`);
      return undefined;
    case 'chunks':
      await task.artifact({ artifactId: 'a', parts: [{ text: 'one' }], append: false, lastChunk: false });
      await task.artifact({ artifactId: 'a', parts: [{ text: 'two' }], append: true, lastChunk: true });
      return undefined;
    case 'ask':
      task.inputRequired('Which one?');
      return undefined;
    case 'authorize':
      await task.authRequired('Who are you?');
      return 'authorized';
    case 'bytes': {
      const bytes = Buffer.from(Array.from({ length: Number(argument) }, (_, n) => n % 251));
      const part = { raw: bytes.toString('base64'), mediaType: 'application/octet-stream' };
      await task.artifact({ artifactId: 'bytes', parts: [part] });
      return undefined;
    }
    case 'handover':
      await task.handOver(argument);
      return undefined;
    case 'fail':
      throw new Error(argument);
    case 'reject':
      task.reject(argument);
      return undefined;
    default:
      return `echo ${task.text}`;
  }
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    });
  });
}

const agent = createAgent({
  url,
  org,
  unit,
  agentId,
  card: {
    name: 'Conformance',
    description: 'Does what the conformance kit says.',
    skills: [{ id: 'obey', name: 'Obey', description: 'Obeys text commands.', tags: ['conformance'] }],
    ...(variant === 'extension'
      ? { capabilities: { extensions: [{ uri: 'urn:conformance:extension', required: true }] } }
      : {}),
  },
  handle: obey,
  ...(variant === 'pool' ? { pools: [pool] } : {}),
  ...(variant === 'bearer'
    ? {
        auth: bearerTokens({
          issuer,
          audience,
          jwks: JSON.parse(jwks),
          scopes: ['tasks'],
          allowLoopback: true,
        }),
      }
    : {}),
  ...(variant === 'busy' ? { concurrency: 1, maxQueued: 1 } : { concurrency: 16 }),
});
process.once('SIGTERM', () => void agent.stop({ graceMs: 0 }).then(() => process.exit(0)));
await agent.start();
