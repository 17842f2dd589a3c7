import { describe, expect, test } from 'vitest';
import { Inbound } from '../core/inbound.ts';
import { MessageQueue } from './message-queue.ts';

const message = (text: string): Inbound =>
  new Inbound({ topic: 't', payload: Buffer.from(text), qos: 1, retain: false, dup: false }, 0);

describe('replies to iterate', () => {
  test('come in order, whether they came before or after they were asked for', async () => {
    const queue = new MessageQueue(10, () => undefined);
    queue.push(message('1'));
    const first = queue.next();
    const second = queue.next();
    queue.push(message('2'));
    expect((await first).value.text()).toBe('1');
    expect((await second).value.text()).toBe('2');
  });

  test('end for everyone who waits when closed, and what waits is dropped', async () => {
    const queue = new MessageQueue(10, () => undefined);
    const waiting = [queue.next(), queue.next()];
    queue.close();
    expect(await Promise.all(waiting)).toEqual([
      { done: true, value: undefined },
      { done: true, value: undefined },
    ]);
    queue.push(message('late'));
    expect(await queue.next()).toEqual({ done: true, value: undefined });
  });

  test('give what came before a failure, then throw it once, then end', async () => {
    const queue = new MessageQueue(10, () => undefined);
    queue.push(message('1'));
    queue.fail(new Error('lost'));
    expect((await queue.next()).value.text()).toBe('1');
    await expect(queue.next()).rejects.toThrow('lost');
    expect(await queue.next()).toEqual({ done: true, value: undefined });
  });

  test('that nobody reads end with queue-overflow', async () => {
    const queue = new MessageQueue(1, () => undefined);
    queue.push(message('1'));
    queue.push(message('2'));
    expect((await queue.next()).value.text()).toBe('1');
    await expect(queue.next()).rejects.toMatchObject({ code: 'queue-overflow' });
  });

  test('leaving the loop tells the owner', async () => {
    let left = false;
    const queue = new MessageQueue(1, () => {
      left = true;
    });
    queue.push(message('1'));
    for await (const one of queue) {
      expect(one.text()).toBe('1');
      break;
    }
    expect(left).toBe(true);
  });
});
