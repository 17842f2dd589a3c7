import { mosquittoPath, startMosquitto } from '@shoal/mqtt-link/testing';
import type { StageBroker } from './stage.ts';

/** Undefined where Mosquitto is not installed. */
export async function startMosquittoBroker(): Promise<StageBroker | undefined> {
  if (mosquittoPath() === undefined) return undefined;
  const broker = await startMosquitto();
  return { url: broker.url, wsUrl: broker.wsUrl, stop: () => broker.stop() };
}
