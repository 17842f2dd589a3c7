import { randomUUID } from 'node:crypto';
import { openLink, readRetained, silentLogger, type Link } from '@shoal/mqtt-link';
import { startFaultProxy } from '@shoal/mqtt-link/testing';
import { treeFilter } from '@shoal/protocol';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { WriterKeeper } from '../src/io/writer-keeper.ts';
import { BROKERS, type TestBroker } from './fleet-bench.ts';

describe.each(BROKERS)('the connection that quick steps share, on %s', (_, start) => {
  let broker: TestBroker;
  const closes: (() => Promise<void>)[] = [];

  beforeAll(async () => void (broker = await start()));
  afterEach(async () => {
    for (const close of closes.splice(0).toReversed()) await close();
  });
  afterAll(() => broker.stop());

  async function open(unit: string, url = broker.url, shares = true) {
    const link: Link = await openLink({ url: broker.url, clientId: `o/${unit}/s-${randomUUID()}` });
    const lost: string[] = [];
    const keeper = new WriterKeeper({
      link,
      org: 'o',
      unit,
      supervisorId: 's',
      shares,
      connect: { url },
      onLost: (writerId) => lost.push(writerId),
      logger: silentLogger,
      now: Date.now,
    });
    await keeper.open();
    closes.push(async () => {
      await keeper.close();
      await link.close();
    });
    return { keeper, link, lost };
  }

  test('rule 5: once it is lost it never comes back: another one takes its place', async () => {
    const proxy = await startFaultProxy({ host: '127.0.0.1', port: Number(new URL(broker.url).port) });
    closes.push(() => proxy.stop());
    const { keeper, lost } = await open(`u-${randomUUID()}`, proxy.url);
    const first = keeper.current;
    expect(first?.link.state).toBe('online');
    proxy.cut();
    await expect.poll(() => keeper.current?.writerId ?? first?.writerId).not.toBe(first?.writerId);
    expect(first?.link.state).toBe('closed');
    expect(lost).toEqual([first?.writerId]);
    expect(keeper.isLost(first?.writerId ?? '')).toBe(true);
  });

  test('rule 5: when an eviction has resolved, nothing can be written over it any more', async () => {
    const unit = `u-${randomUUID()}`;
    const [mine, other] = [await open(unit), await open(unit)];
    const writer = mine.keeper.current;
    await other.keeper.evict(writer?.writerId ?? '');
    await expect.poll(() => writer?.link.state).toMatch(/^(fenced|closed)$/);
    await expect(writer?.link.publish('test/late', '')).rejects.toThrow(/fenced|closed|lost/);
    expect(other.keeper.current?.link.state).toBe('online');
    await expect.poll(() => mine.lost).toEqual([writer?.writerId]);
  });

  test('an eviction that failed is tried again', async () => {
    const { keeper } = await open(`u-${randomUUID()}`, 'no url', false);
    for (const writerId of ['writer-1', 'writer-1'])
      await expect(keeper.evict(writerId)).rejects.toMatchObject({ code: 'invalid-options' });
  });

  test('rule 8: who stops while something that wrote over it has not ended lets the others know', async () => {
    for (const isUnfinished of [true, false]) {
      const unit = `u-${randomUUID()}`;
      const { keeper, link } = await open(unit);
      const giveBack = keeper.lend();
      if (!isUnfinished) giveBack(true);
      await keeper.close();
      const left = await readRetained(link, treeFilter('writer', { org: 'o', unit }));
      expect(left.size).toBe(isUnfinished ? 1 : 0);
    }
  });
});
