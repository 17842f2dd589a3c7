import { createBroker } from '@shoal/broker';
import { build } from 'esbuild';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { describe, expect, it } from 'vitest';

const CHROMIUM = [
  process.env['CHROMIUM_PATH'],
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
];
const executablePath = CHROMIUM.find((path) => path !== undefined && existsSync(path));

async function bundlePage(): Promise<string> {
  const { outputFiles, metafile } = await build({
    entryPoints: [fileURLToPath(new URL('page.ts', import.meta.url))],
    bundle: true,
    platform: 'browser',
    format: 'iife',
    globalName: 'page',
    conditions: ['@shoal/source'],
    write: false,
    metafile: true,
  });
  const external = Object.values(metafile.outputs).flatMap(({ imports }) =>
    imports.filter((i) => i.external),
  );
  expect(external, 'nothing of Node is left in the bundle').toEqual([]);
  return outputFiles[0]!.text;
}

async function servePage(): Promise<{ url: string; stop(): Promise<unknown> }> {
  const script = await bundlePage();
  const server = createServer((request, response) => {
    const isScript = request.url === '/page.js';
    response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html');
    // No code from strings: what a careful site allows.
    response.setHeader('content-security-policy', "default-src 'self'; connect-src ws://127.0.0.1:*");
    response.end(isScript ? script : '<!doctype html><meta charset="utf-8"><script src="/page.js"></script>');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    stop: () => new Promise((resolve) => server.close(resolve)),
  };
}

describe.skipIf(executablePath === undefined)(
  `in a browser${executablePath === undefined ? ' (no Chromium found; set CHROMIUM_PATH)' : ''}`,
  () => {
    it('an agent and its caller talk over WebSocket, in a page whose policy forbids code from strings', async () => {
      const broker = createBroker({ listen: { ws: { port: 0 } }, allowAnonymous: true });
      const { ws } = await broker.start();
      const site = await servePage();
      const browser = await chromium.launch({ executablePath: executablePath!, args: ['--no-sandbox'] });
      const problems: string[] = [];
      try {
        const page = await browser.newPage();
        page.on('pageerror', (error) => problems.push(String(error)));
        page.on('console', (message) => message.type() === 'error' && problems.push(message.text()));
        await page.goto(site.url);
        const outcome = await page.evaluate(
          (url) => (globalThis as unknown as { page: { run(url: string): Promise<unknown> } }).page.run(url),
          ws!.url,
        );
        expect(outcome).toMatchObject({
          answer: {
            status: { state: 'TASK_STATE_COMPLETED' },
            artifacts: [{ parts: [{ text: 'You said: hello' }] }],
          },
          bigLength: 300_000,
        });
        expect((outcome as { states: unknown[] }).states.at(-1)).toBe('TASK_STATE_COMPLETED');
        expect(problems).toEqual([]);
      } finally {
        await browser.close();
        await site.stop();
        await broker.stop();
      }
    }, 60_000);
  },
);
