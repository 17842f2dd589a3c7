import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';
import { securityHeaders } from './security-headers.ts';

export interface StaticOptions {
  /** The built console. */
  readonly folder: string;
  /** Filled in on the page; the policy then allows no other broker. */
  readonly brokerUrl?: string;
  readonly org?: string;
  readonly unit?: string;
  /** Default 0: any free one. */
  readonly port?: number;
}

export interface StaticServer {
  readonly url: string;
  stop(): Promise<void>;
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.json': 'application/json',
};

/** Serves the built console on 127.0.0.1. Reads only, and only files of known types below the folder. */
export async function serveStatic(options: StaticOptions): Promise<StaticServer> {
  const { folder, brokerUrl, org, unit, port = 0 } = options;
  const headers = securityHeaders(brokerUrl === undefined ? [] : [brokerUrl]);
  const server = createServer((request, response) => {
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    const { method = '', url = '/' } = request;
    if (method !== 'GET' && method !== 'HEAD')
      return void response.writeHead(405, { allow: 'GET, HEAD' }).end();
    const path = pathOf(url);
    if (path === '/config.json') return send(response, '.json', JSON.stringify({ brokerUrl, org, unit }));
    void sendFile(response, folder, path);
    return undefined;
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function pathOf(url: string): string {
  const path = URL.canParse(url, 'http://localhost') ? new URL(url, 'http://localhost').pathname : '/';
  return path === '/' ? '/index.html' : path;
}

async function sendFile(response: ServerResponse, folder: string, path: string): Promise<void> {
  const file = join(folder, normalize(path));
  const type = extname(file);
  if (!file.startsWith(join(folder, '/')) || TYPES[type] === undefined)
    return void response.writeHead(404).end();
  try {
    // Names of assets hold their hash; the page itself may change.
    response.setHeader(
      'cache-control',
      path.startsWith('/assets/') ? 'max-age=31536000, immutable' : 'no-cache',
    );
    return send(response, type, await readFile(file));
  } catch {
    return void response.writeHead(404).end();
  }
}

function send(response: ServerResponse, type: string, body: string | Buffer): void {
  response.writeHead(200, { 'content-type': TYPES[type] ?? 'application/octet-stream' }).end(body);
}
