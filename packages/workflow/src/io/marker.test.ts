import { markerTopicOf, type InboundMessage, type Link, type MessageHandler } from '@shoal/mqtt-link';
import { expect, test } from 'vitest';
import { Marker } from './marker.ts';

const CLIENT = 'o/u/a';
const ECHO = markerTopicOf(CLIENT);

/** A link whose broker sends nothing but markers. */
function open(onLate?: (topic: string) => void) {
  const offline: (() => void)[] = [];
  let echo: MessageHandler | undefined;
  let retainedCount = 0;
  const message = (topic: string, text: string, retain: boolean) =>
    ({ topic, retain, text: () => text }) as InboundMessage;
  const link = {
    clientId: CLIENT,
    get retainedCount() {
      return retainedCount;
    },
    on: (event: string, listener: () => void) => {
      if (event === 'offline') offline.push(listener);
      return () => undefined;
    },
    subscribe: (filter: string, handler: MessageHandler) => {
      if (filter === ECHO) echo = handler;
      else {
        retainedCount += 1;
        void handler(message(filter, 'marker', true));
      }
      return Promise.resolve({ close: () => Promise.resolve() });
    },
    publish: (topic: string, text: string) => {
      if (topic === ECHO) void echo?.(message(topic, text, false));
      return Promise.resolve({});
    },
  } as unknown as Link;
  const marker = new Marker(link, onLate);
  const loseConnection = (): void => offline.forEach((listener) => listener());
  return { marker, loseConnection };
}

const live = { topic: 't', retain: false };
const kept = { topic: 't', retain: true };

test('an older word that comes behind a live one is no news, until all that was held has come', async () => {
  const late: string[] = [];
  const { marker, loseConnection } = open((topic) => late.push(topic));
  await marker.open();
  expect(marker.isNews(kept)).toBe(true);
  expect(marker.isNews(live)).toBe(true);
  expect(marker.isNews(kept)).toBe(false);
  expect(marker.isNews({ ...kept, topic: 'other' })).toBe(true);
  await marker.pass();
  expect(marker.isNews(live)).toBe(true);
  expect(late).toEqual([]);
  // On the next connection everything comes again.
  loseConnection();
  expect(marker.isNews(kept)).toBe(true);
});

test('what was held and comes after the marker is told', async () => {
  const late: string[] = [];
  const { marker } = open((topic) => late.push(topic));
  await marker.open();
  await marker.pass();
  expect(marker.isNews(kept)).toBe(true);
  expect(late).toEqual(['t']);
});
