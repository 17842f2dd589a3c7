import type { UserProperties } from '@shoal/protocol';
import { describe, expect, it } from 'vitest';
import type { Evidence } from './presence.ts';
import { RegistryIndex, type RegistryIndexOptions } from './registry-index.ts';
import { sleepExtension, type SleepSchedule } from './sleep-schedule.ts';

const ADDRESS = { org: 'o', unit: 'u', agentId: 'pump' };
const TOPIC = '$a2a/v1/discovery/o/u/pump';
const MIDNIGHT = Date.parse('2026-01-05T00:00:00Z');
const HOUR = 3_600_000;
const iso = (ms: number): string => new Date(ms).toISOString();

/** One agent, the evidence about it, and a clock that a test moves. */
class Scene {
  readonly index: RegistryIndex;
  nowMs = MIDNIGHT + 12 * HOUR;
  readonly seen: string[] = [];
  #sleep: SleepSchedule | undefined;

  constructor(options: RegistryIndexOptions = {}, sleep?: SleepSchedule) {
    this.index = new RegistryIndex(options);
    this.#sleep = sleep;
  }

  says(
    status: string,
    source: string,
    options: { retain?: boolean; properties?: UserProperties } = {},
  ): this {
    const { retain = false, properties = {} } = options;
    const userProperties = { 'a2a-status': status, 'a2a-status-source': source, ...properties };
    this.#note(this.index.apply({ topic: TOPIC, payload: this.card(), userProperties, retain }, this.nowMs));
    return this;
  }

  observes(evidence: Extract<Evidence, { kind: 'reply' | 'unanswered' | 'probe' }>): this {
    this.#note(this.index.observe(ADDRESS, evidence, this.nowMs));
    return this;
  }

  passes(ms: number): this {
    const endMs = this.nowMs + ms;
    while (this.index.dueMs !== undefined && this.index.dueMs <= endMs) {
      this.nowMs = Math.max(this.nowMs, this.index.dueMs);
      const probes = this.index.dueProbes(this.nowMs);
      if (probes.length > 0) this.seen.push('probe');
      this.#note(this.index.tick(this.nowMs));
    }
    this.nowMs = endMs;
    return this;
  }

  get presence() {
    return this.index.get(ADDRESS)?.presence;
  }

  #note(changes: readonly { readonly kind: string }[]): void {
    for (const { kind } of changes) this.seen.push(kind === 'presence' ? (this.presence?.state ?? '') : kind);
  }

  card(): Uint8Array {
    const extensions = this.#sleep === undefined ? [] : [sleepExtension(this.#sleep)];
    return Buffer.from(
      JSON.stringify({
        name: 'Pump',
        description: 'Pumps',
        version: '1.0.0',
        supportedInterfaces: [
          { url: 'mqtt://b', protocolBinding: 'urn:shoal:a2a-over-mqtt:0.1', protocolVersion: '1.0' },
        ],
        capabilities: { extensions },
        defaultInputModes: ['text/plain'],
        defaultOutputModes: ['text/plain'],
        skills: [{ id: 'pump', name: 'Pump', description: 'Pumps', tags: ['pump'] }],
      }),
    );
  }
}

describe('presence, from many sources', () => {
  it('a goodbye counts at once', () => {
    const scene = new Scene().says('online', 'agent').says('offline', 'agent');
    expect(scene.presence).toMatchObject({ state: 'offline', source: 'agent', reason: 'it said goodbye' });
    expect(scene.index.dueMs).toBeUndefined();
  });

  it('says when a state came about only of what it saw happen: a kept card tells nothing', () => {
    const kept = new Scene().says('online', 'agent', { retain: true });
    expect(kept.presence).toMatchObject({ state: 'online', since: iso(kept.nowMs) });
    expect(kept.presence).not.toHaveProperty('changedAt');
    kept.passes(HOUR).observes({ kind: 'probe', outcome: 'answered' }).says('online', 'agent');
    expect(kept.presence).not.toHaveProperty('changedAt');
    kept.says('offline', 'agent');
    const gone = iso(kept.nowMs);
    kept.passes(HOUR).says('offline', 'agent');
    expect(kept.presence).toMatchObject({ state: 'offline', changedAt: gone });
    // Back while the connection was away: the card that is read again does not say when.
    kept.says('online', 'agent', { retain: true });
    expect(kept.presence).toMatchObject({ state: 'online', since: iso(kept.nowMs) });
    expect(kept.presence).not.toHaveProperty('changedAt');
    const fresh = new Scene().says('online', 'agent');
    expect(fresh.presence).toMatchObject({ state: 'online', changedAt: iso(fresh.nowMs) });
    fresh.says('offline', 'lwt').passes(5_000);
    expect(fresh.presence).toMatchObject({ state: 'offline', changedAt: iso(fresh.nowMs) });
    const silent = new Scene().says('', '', { retain: true }).observes({ kind: 'reply' });
    expect(silent.presence?.state).toBe('online');
    expect(silent.presence).not.toHaveProperty('changedAt');
  });

  it('a will makes a suspect first, and silence makes it offline', () => {
    const scene = new Scene().says('online', 'agent').says('offline', 'lwt');
    expect(scene.presence).toMatchObject({ state: 'suspect', source: 'lwt' });
    scene.passes(4_999);
    expect(scene.presence?.state).toBe('suspect');
    scene.passes(1);
    expect(scene.presence).toMatchObject({ state: 'offline', source: 'lwt' });
    expect(scene.presence?.reason).toContain('nothing was heard of it since');
  });

  it('PS2: two probes without an answer decide earlier, one does not', () => {
    const scene = new Scene({ canProbe: true }).says('online', 'agent').says('offline', 'broker');
    scene.passes(0);
    expect(scene.seen).toEqual(['registered', 'suspect', 'probe']);
    scene.observes({ kind: 'probe', outcome: 'nobody' });
    expect(scene.presence?.state).toBe('suspect');
    scene.passes(1_000).observes({ kind: 'probe', outcome: 'nobody' });
    expect(scene.presence).toMatchObject({
      state: 'offline',
      source: 'probe',
      reason: 'nobody subscribes to its requests',
    });
  });

  it('a probe that is answered makes a false alarm of a late will', () => {
    const scene = new Scene({ canProbe: true }).says('online', 'agent').says('offline', 'lwt');
    scene.observes({ kind: 'probe', outcome: 'answered' });
    expect(scene.presence).toMatchObject({ state: 'online', source: 'probe' });
  });

  it('V13: an agent whose card says offline and that replies is online, for a while', () => {
    const scene = new Scene().says('offline', 'lwt', { retain: true });
    expect(scene.presence?.state).toBe('offline');
    scene.observes({ kind: 'reply' });
    expect(scene.presence).toMatchObject({ state: 'online', source: 'reply' });
    scene.passes(60_000);
    expect(scene.presence?.state).toBe('suspect');
    scene.passes(5_000);
    expect(scene.presence?.state).toBe('offline');
  });

  it('half-open TCP: the card says online for ever, and probes find out', () => {
    const scene = new Scene({ canProbe: true }).says('online', 'broker', { retain: true });
    scene.observes({ kind: 'unanswered' }).passes(0);
    expect(scene.presence).toMatchObject({ state: 'suspect', source: 'request' });
    scene.observes({ kind: 'probe', outcome: 'silent' }).passes(1_000);
    scene.observes({ kind: 'probe', outcome: 'silent' });
    expect(scene.presence).toMatchObject({ state: 'offline', source: 'probe' });
    // The broker repeats what it said before: no news, and no flapping between the two opinions.
    scene.says('online', 'broker', { retain: true });
    expect(scene.presence?.state).toBe('offline');
    // Nobody will tell when it is back, so it is asked again.
    scene.passes(30_000);
    expect(scene.seen.filter((what) => what === 'probe')).toHaveLength(3);
    scene.observes({ kind: 'probe', outcome: 'answered' });
    expect(scene.presence?.state).toBe('online');
  });

  it('one complaint alone proves nothing where agents cannot be probed', () => {
    const scene = new Scene().says('online', 'agent').observes({ kind: 'unanswered' });
    expect(scene.presence?.state).toBe('suspect');
    scene.passes(60_000);
    expect(scene.presence?.state).toBe('online');
  });

  it('BS5: what the broker says overrides the agent, and a new status is news', () => {
    const scene = new Scene()
      .says('online', 'agent', { retain: true })
      .says('offline', 'broker', { retain: true });
    expect(scene.presence).toMatchObject({ state: 'suspect', source: 'broker' });
    scene.says('online', 'broker', { retain: true });
    expect(scene.presence).toMatchObject({ state: 'online', source: 'broker' });
  });

  it('a status that is missing reads unknown, and anything heard makes it online', () => {
    const scene = new Scene();
    scene.index.apply({ topic: TOPIC, payload: scene.card(), userProperties: {}, retain: true }, scene.nowMs);
    expect(scene.presence?.state).toBe('unknown');
    scene.observes({ kind: 'reply' });
    expect(scene.presence?.state).toBe('online');
  });
});

describe('sleep', () => {
  it('an agent that says until when it sleeps is asleep, not offline', () => {
    const scene = new Scene();
    const until = new Date(scene.nowMs + HOUR).toISOString();
    scene.says('online', 'agent').says('offline', 'agent', { properties: { 'a2a-asleep-until': until } });
    expect(scene.presence).toMatchObject({ state: 'asleep', until });
    scene.passes(HOUR - 1).says('online', 'agent');
    expect(scene.presence).toMatchObject({ state: 'online' });
    expect(scene.presence?.until).toBeUndefined();
  });

  it('EMQX overrides a goodbye with online, and does not hide that it sleeps', () => {
    const scene = new Scene();
    const until = new Date(scene.nowMs + HOUR).toISOString();
    scene.says('online', 'emqx').says('online', 'emqx', { properties: { 'a2a-asleep-until': until } });
    expect(scene.presence?.state).toBe('asleep');
    scene.says('offline', 'emqx', { retain: true, properties: { 'a2a-asleep-until': until } });
    expect(scene.presence?.state).toBe('asleep');
  });

  it('a duty-cycled agent that is lost is expected back, and missed only after the grace', () => {
    const scene = new Scene({}, { wakesEverySeconds: 600 }).says('online', 'agent').says('offline', 'lwt');
    expect(scene.presence).toMatchObject({ state: 'asleep', source: 'schedule' });
    scene.passes(629_999);
    expect(scene.presence?.state).toBe('asleep');
    scene.passes(1);
    expect(scene.presence).toMatchObject({ state: 'suspect', reason: 'it did not wake up in time' });
    scene.passes(5_000);
    expect(scene.presence?.state).toBe('offline');
    scene.says('online', 'agent');
    expect(scene.presence?.state).toBe('online');
  });

  it('a window of the night covers midnight, and only its own days', () => {
    const windows = [{ start: '22:00', end: '06:00', days: [0] }];
    const night = new Scene({}, { windows });
    // MIDNIGHT begins a Monday: the window of Sunday lasts into it.
    night.nowMs = MIDNIGHT + HOUR;
    night.says('online', 'agent').says('offline', 'lwt');
    expect(night.presence).toMatchObject({
      state: 'asleep',
      until: new Date(MIDNIGHT + 6 * HOUR).toISOString(),
    });
    const monday = new Scene({}, { windows });
    monday.nowMs = MIDNIGHT + 23 * HOUR;
    monday.says('online', 'agent').says('offline', 'lwt');
    expect(monday.presence?.state).toBe('suspect');
  });

  it('an agent that is awake within its window is online', () => {
    const scene = new Scene({}, { windows: [{ start: '00:00', end: '00:00' }] }).says('online', 'agent');
    expect(scene.presence?.state).toBe('online');
  });

  it('nobody who sleeps is woken by probes or called offline by them', () => {
    const scene = new Scene({ canProbe: true }, { wakesEverySeconds: 600 });
    scene.says('online', 'agent').says('offline', 'lwt').passes(60_000);
    expect(scene.seen).not.toContain('probe');
    scene.observes({ kind: 'probe', outcome: 'silent' });
    expect(scene.presence?.state).toBe('asleep');
  });
});

describe('damping', () => {
  it('who comes and goes too often is held suspect until it is steady', () => {
    const scene = new Scene().says('online', 'agent');
    for (let i = 0; i < 4; i += 1)
      scene.says('offline', 'lwt').passes(500).says('online', 'agent').passes(500);
    expect(scene.presence).toMatchObject({ state: 'suspect', source: 'damping' });
    const told = scene.seen.length;
    scene.says('offline', 'lwt').passes(500).says('online', 'agent').passes(500);
    expect(scene.seen.length).toBe(told);
    scene.passes(30_000);
    expect(scene.presence?.state).toBe('online');
  });

  it('a reconnect now and then is no flapping', () => {
    const scene = new Scene().says('online', 'agent');
    for (let i = 0; i < 10; i += 1)
      scene.says('offline', 'lwt').passes(500).says('online', 'agent').passes(60_000);
    expect(scene.presence?.state).toBe('online');
  });

  it('who is gone for good while it is held becomes offline', () => {
    const scene = new Scene().says('online', 'agent');
    for (let i = 0; i < 4; i += 1)
      scene.says('offline', 'lwt').passes(500).says('online', 'agent').passes(500);
    scene.says('offline', 'lwt').passes(5_000);
    expect(scene.presence?.state).toBe('offline');
  });
});

describe('a broker that restarts', () => {
  it('makes nobody offline who is back within the grace', () => {
    const scene = new Scene({ canProbe: true }).says('online', 'agent');
    scene.index.grace(scene.nowMs + 15_000);
    scene.says('offline', 'broker', { retain: true }).passes(100);
    for (let i = 0; i < 5; i += 1) scene.observes({ kind: 'probe', outcome: 'nobody' }).passes(500);
    scene.passes(10_000);
    expect(scene.presence?.state).toBe('suspect');
    scene.says('online', 'agent');
    expect(scene.seen).not.toContain('offline');
    expect(scene.presence?.state).toBe('online');
  });

  it('makes those offline who are not', () => {
    const scene = new Scene().says('online', 'agent');
    scene.index.grace(scene.nowMs + 15_000);
    scene.says('offline', 'broker', { retain: true }).passes(14_999);
    expect(scene.presence?.state).toBe('suspect');
    scene.passes(1);
    expect(scene.presence?.state).toBe('offline');
  });

  it('and forgot a card, gives its agent until the end of the grace to publish it again', () => {
    const scene = new Scene().says('online', 'agent');
    scene.index.grace(scene.nowMs + 15_000);
    scene.index.retain(new Set(), scene.index.messages, scene.nowMs);
    expect(scene.presence).toMatchObject({ state: 'suspect', source: 'snapshot' });
    scene.says('online', 'agent');
    expect(scene.presence?.state).toBe('online');
    scene.index.retain(new Set(), scene.index.messages, scene.nowMs);
    scene.passes(15_000);
    expect(scene.index.size).toBe(0);
    expect(scene.seen.at(-1)).toBe('unregistered');
  });

  it('a loss from before counts only after the grace', () => {
    const scene = new Scene().says('online', 'agent').says('offline', 'lwt');
    scene.nowMs += 4_000;
    scene.index.grace(scene.nowMs + 15_000);
    scene.passes(14_999);
    expect(scene.presence?.state).toBe('suspect');
    scene.passes(1);
    expect(scene.presence?.state).toBe('offline');
  });
});

it('a day of reconnects, naps and probes calls no living agent offline', () => {
  const scene = new Scene({ canProbe: true }, { wakesEverySeconds: 300 }).says('online', 'agent');
  let seed = 7;
  const random = (below: number): number => (seed = (seed * 48_271) % 0x7fff_ffff) % below;
  for (let i = 0; i < 5_000; i += 1) {
    const what = random(5);
    if (what === 0) scene.says('offline', 'lwt').passes(random(4_000)).says('online', 'agent');
    else if (what === 1) scene.says('offline', 'lwt').passes(random(300_000)).says('online', 'agent');
    else if (what === 2)
      scene.observes({ kind: 'unanswered' }).passes(10).observes({ kind: 'probe', outcome: 'answered' });
    else if (what === 3) scene.observes({ kind: 'reply' });
    else scene.says('online', 'broker', { retain: true });
    scene.passes(random(20_000));
  }
  expect(scene.seen).not.toContain('offline');
});
