import { startMosquitto } from '@shoal/mqtt-link/testing';
import type { StageBroker } from './stage.ts';

export async function startMosquittoBroker(): Promise<StageBroker> {
  const broker = await startMosquitto();
  return { url: broker.url, wsUrl: broker.wsUrl, stop: () => broker.stop() };
}
