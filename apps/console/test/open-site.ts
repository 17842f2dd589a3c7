import { buildConsole } from '../serve/build-console.ts';
import { serveStatic, type StaticServer } from '../serve/static-server.ts';

/** The built console, as `pnpm dev` serves it. */
export async function openSite(brokerUrl: string): Promise<StaticServer> {
  return serveStatic({ folder: await buildConsole(), brokerUrl });
}
