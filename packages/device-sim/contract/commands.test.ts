/** Commands to devices that sleep, on real brokers; each state is checked for its truth. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createBroker } from '@shoal/broker';
import {
  cancelDeviceCommand,
  commandState,
  readDeviceCommands,
  sendDeviceCommand,
  waitForDeviceCommand,
} from '@shoal/device-tools';
import { openLink, readRetained, type Link } from '@shoal/mqtt-link';
import { mosquittoPath, startMosquitto } from '@shoal/mqtt-link/testing';
import { deviceTopics } from '@shoal/protocol';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { pumpModel, startDevice, type Device } from '../src/index.ts';

/** Both brokers send retained messages before what comes after them. */
const IN_ORDER = { settleMs: 0 } as const;

interface TestBroker {
  readonly url: string;
  restart(): Promise<void>;
  stop(): Promise<void>;
}

async function startEmbedded(): Promise<TestBroker> {
  const directory = await mkdtemp(join(tmpdir(), 'shoal-commands-'));
  const start = (port: number) =>
    createBroker({ allowAnonymous: true, listen: { tcp: { port } }, store: { directory } });
  let broker = start(0);
  const { tcp } = await broker.start();
  const { url = '' } = tcp ?? {};
  return {
    url,
    async restart() {
      await broker.stop();
      broker = start(Number(new URL(url).port));
      await broker.start();
    },
    async stop() {
      await broker.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** It keeps what it was told to write: on a signal, in its loop, so before it answers what comes after that. */
async function startPersistentMosquitto(): Promise<TestBroker> {
  // Started by root it would become a user who may not write into the folder.
  const mosquitto = await startMosquitto({ persistence: true, config: ['user root'] });
  const { url } = mosquitto;
  return {
    url,
    async restart() {
      process.kill(mosquitto.pid, 'SIGUSR1');
      const link = await openLink({ url, clientId: 'acme/plant-1/waits' });
      for (let n = 0; n < 3; n += 1) await readRetained(link, 'shoal/v1/acme/plant-1/nothing');
      await link.close();
      await mosquitto.restart();
    },
    stop: () => mosquitto.stop(),
  };
}

const BROKERS = [
  ['the embedded broker', true, startEmbedded],
  ['Mosquitto', mosquittoPath() !== undefined, startPersistentMosquitto],
] as const;

describe.each(BROKERS)('commands to a device, on %s', (_, isThere, startBroker) => {
  let broker: TestBroker;
  let link: Link;
  const closers: (() => Promise<unknown>)[] = [];
  let nth = 0;

  beforeAll(async () => {
    if (!isThere) return;
    broker = await startBroker();
    link = await openLink({
      url: broker.url,
      clientId: 'acme/plant-1/operator',
      reconnect: { minDelayMs: 20, maxDelayMs: 200 },
    });
  });
  afterEach(async () => {
    for (const close of closers.splice(0).toReversed()) await close();
  });
  afterAll(async () => {
    await link?.close();
    await broker?.stop();
  });

  const newAddress = () => ({ org: 'acme', unit: 'plant-1', deviceId: `pump-${(nth += 1)}` });
  type Address = ReturnType<typeof newAddress>;
  const start = async (address: Address): Promise<Device> => {
    const source = pumpModel({ seed: 1 });
    const device = await startDevice({
      url: broker.url,
      ...address,
      source,
      rateHz: 0.1,
      reconnect: { minDelayMs: 20, maxDelayMs: 200 },
    });
    closers.push(() => device.stop());
    return device;
  };
  const send = (address: Address, rpm = 1200, deadlineSeconds = 3_600, commandId?: string) =>
    sendDeviceCommand(
      link,
      address,
      {
        tool: 'set_speed',
        args: { rpm },
        deadlineSeconds,
        by: 'tester',
        ...(commandId === undefined ? {} : { commandId }),
      },
      IN_ORDER,
    );
  const states = async (address: Address): Promise<readonly (string | undefined)[]> =>
    (await readDeviceCommands(link, address, IN_ORDER)).map((view) => commandState(view, Date.now()));
  const ended = async (address: Address, commandId: string) => {
    const view = await waitForDeviceCommand(
      link,
      address,
      commandId,
      {
        signal: AbortSignal.timeout(15_000),
      },
      IN_ORDER,
    );
    return { view, state: commandState(view, Date.now()) };
  };

  it.skipIf(!isThere)(
    'are done by a device that is there, and every state was written on the way',
    async () => {
      const address = newAddress();
      const device = await start(address);
      const { commandId } = await send(address);
      const { view, state } = await ended(address, commandId);
      expect(state).toBe('done');
      expect(view.status?.trail.map((each) => each.state)).toEqual([
        'delivered',
        'accepted',
        'running',
        'done',
      ]);
      expect(view.status?.result).toMatchObject({ rpm: 1200 });
      expect(device.state.rpm).toBe(1200);
    },
  );

  it.skipIf(!isThere)(
    'thingsboard #7123: are queued, not delivered, while the device is away, whether it sleeps or never came',
    async () => {
      const address = newAddress();
      const { commandId } = await send(address, 1100);
      expect(await states(address)).toEqual(['queued']);
      const device = await start(address);
      expect((await ended(address, commandId)).state).toBe('done');
      await device.sleep();
      const second = await send(address, 1300);
      expect(await states(address)).toEqual(['done', 'queued']);
      expect(device.state.rpm).toBe(1100);
      await device.wake();
      expect((await ended(address, second.commandId)).state).toBe('done');
      expect(device.state.rpm).toBe(1300);
    },
  );

  it.skipIf(!isThere)(
    'thingsboard #11642: that were queued when the broker and whoever sent them were restarted are done when the device comes',
    async () => {
      const address = newAddress();
      const device = await start(address);
      await device.sleep();
      const sender = await openLink({ url: broker.url, clientId: 'acme/plant-1/sender' });
      const { commandId } = await sendDeviceCommand(sender, address, {
        tool: 'set_speed',
        args: { rpm: 1250 },
        deadlineSeconds: 3_600,
        by: 'sender',
      });
      await sender.close();
      await broker.restart();
      await expect.poll(() => link.state).toBe('online');
      expect(await states(address)).toEqual(['queued']);
      await device.wake();
      const { view, state } = await ended(address, commandId);
      expect(state).toBe('done');
      expect(view.status?.trail).toHaveLength(4);
      expect(device.state.rpm).toBe(1250);
    },
  );

  it.skipIf(!isThere)(
    'are not begun after their deadline, and that shows before the device comes back',
    async () => {
      const address = newAddress();
      const device = await start(address);
      await device.sleep();
      const { commandId, deadlineAt } = await send(address, 1400, 1);
      const [view] = await readDeviceCommands(link, address, IN_ORDER);
      const afterGrace = Date.parse(deadlineAt) + 11_000;
      expect(view && commandState(view, afterGrace)).toBe('expired');
      await expect.poll(() => Date.now() > Date.parse(deadlineAt)).toBe(true);
      await device.wake();
      const end = await ended(address, commandId);
      expect(end.state).toBe('expired');
      expect(end.view.status).toMatchObject({ state: 'expired', error: { code: 'DEADLINE_PASSED' } });
      expect(device.state.rpm).not.toBe(1400);
    },
  );

  it.skipIf(!isThere)('are taken back while the device sleeps: it never does them', async () => {
    const address = newAddress();
    const device = await start(address);
    await device.sleep();
    const { commandId } = await send(address, 1450);
    expect(
      await cancelDeviceCommand(link, address, commandId, { by: 'tester', reason: 'wrong pump' }, IN_ORDER),
    ).toBe('canceled');
    expect(await states(address)).toEqual(['canceled']);
    await device.wake();
    await expect
      .poll(async () => (await readDeviceCommands(link, address, IN_ORDER))[0]?.status?.state)
      .toBe('canceled');
    expect(device.state.rpm).not.toBe(1450);
    const { commandId: later } = await send(address, 1150);
    await ended(address, later);
    expect(await cancelDeviceCommand(link, address, later, { by: 'tester' }, IN_ORDER)).toBe('ended');
    expect(await states(address)).toEqual(['canceled', 'done']);
  });

  it.skipIf(!isThere)(
    'are done once, however often they are sent, and another under the same id is refused',
    async () => {
      const address = newAddress();
      const device = await start(address);
      const { commandId } = await send(address, 1200, 60, 'once');
      await ended(address, commandId);
      const again = await send(address, 1200, 60, 'once');
      expect(again.commandId).toBe('once');
      await device.sleep();
      await device.wake();
      const [view] = await readDeviceCommands(link, address, IN_ORDER);
      expect(view?.status?.trail).toHaveLength(4);
      await expect(send(address, 1300, 60, 'once')).rejects.toMatchObject({ code: 'command-conflict' });
    },
  );

  it.skipIf(!isThere)('that the device refuses have failed, with the reason', async () => {
    const address = newAddress();
    await start(address);
    const tooFast = await send(address, 1_000_000);
    const unknown = await sendDeviceCommand(link, address, {
      tool: 'fly',
      deadlineSeconds: 60,
      by: 'tester',
    });
    expect((await ended(address, tooFast.commandId)).view.status).toMatchObject({ state: 'failed' });
    expect((await ended(address, unknown.commandId)).view.status?.error?.code).toBe('UNKNOWN_TOOL');
  });

  it.skipIf(!isThere)('leave no litter: what they retain has an end', async () => {
    const address = newAddress();
    await start(address);
    const { commandId } = await send(address);
    await ended(address, commandId);
    const kept: (number | undefined)[] = [];
    const subscription = await link.subscribe(
      `${deviceTopics(address).command(commandId).command}/#`,
      ({ messageExpirySeconds }) => void kept.push(messageExpirySeconds),
    );
    await expect.poll(() => kept.length).toBe(2);
    for (const seconds of kept) expect(seconds).toBeGreaterThan(600_000);
    await subscription.close();
  });
});
