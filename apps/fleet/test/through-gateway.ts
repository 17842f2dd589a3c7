import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../gateway/src/bin/main.ts', import.meta.url));

interface Through extends Partial<Record<string, unknown>> {
  readonly traceparent: { readonly traceId: string; readonly spanId: string };
}

/** Asks a device agent of the demo for its status over HTTP, through a gateway that lives as long as the call. */
export async function callThroughGateway(broker: string, device: string, through: Through): Promise<void> {
  const { traceparent, ...env } = through;
  const args = ['--broker', broker, '--org', 'acme', '--unit', 'plant-1', '--port', '0', '--grace', '1'];
  const child = spawn(process.execPath, ['--conditions=@shoal/source', '--import', 'tsx', MAIN, ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, ...(env as NodeJS.ProcessEnv) },
  });
  try {
    const response = await fetch(`${await urlOf(child.stderr)}/acme/plant-1/${device}/`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'a2a-version': '1.0',
        traceparent: `00-${traceparent.traceId}-${traceparent.spanId}-01`,
      },
      body: JSON.stringify({
        jsonrpc: '2.0',
        id: 1,
        method: 'SendMessage',
        params: {
          message: {
            messageId: randomUUID(),
            role: 'ROLE_USER',
            parts: [{ data: { skill: 'status' } }],
          },
        },
      }),
    });
    const body = await response.text();
    if (!response.ok || !body.includes('result')) throw new Error(`${response.status}: ${body}`);
  } finally {
    child.kill('SIGTERM');
    await once(child, 'exit');
  }
}

async function urlOf(log: NodeJS.ReadableStream): Promise<string> {
  for await (const line of createInterface({ input: log })) {
    const { message, url } = JSON.parse(line) as { readonly message: string; readonly url?: string };
    if (message !== 'listening' || url === undefined) continue;
    log.resume();
    return url;
  }
  throw new Error('the gateway ended before it listened');
}
