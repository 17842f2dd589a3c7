import { join } from 'node:path';
import { serveStatic, type StaticServer } from '../serve/static-server.ts';

/** The console as `build-once.ts` built it, served as `pnpm dev` serves it. */
export async function openSite(brokerUrl: string): Promise<StaticServer> {
  return serveStatic({ folder: join(import.meta.dirname, '../dist'), brokerUrl });
}
