import { createBroker } from '@shoal/broker';
import {
  diagnoseVibration,
  powerSpectrum,
  startDeviceAgent,
  StreamingDetector,
  type DeviceAgent,
} from '@shoal/device-agent';
import { PUMP_BEARING, synthesizeVibration } from '@shoal/device-sim';
import { openLink, type Link } from '@shoal/mqtt-link';
import { deviceTopics, type Telemetry } from '@shoal/protocol';
import { inLanes } from '../agents/fleet.ts';
import { serve } from '../serve.ts';
import { deviceIdOf, NaiveDetector, ORG, telemetryOf, UNIT } from './signals.ts';

interface Parameters {
  readonly url: string;
}

const LANES = 64;
const PULSE_AGENTS = 50;

/** Each role runs in a process of its own. */
async function start(role: string, { url }: Parameters): Promise<void> {
  switch (role) {
    case 'broker': {
      const broker = createBroker({ allowAnonymous: true, listen: { tcp: {}, ws: false }, store: 'memory' });
      return serve({ ready: { url: (await broker.start()).tcp!.url } });
    }
    case 'agents':
      return serveAgents(url);
    case 'naive':
      return serveNaive(url);
    case 'feeder':
      return serveFeeder(url);
    case 'signals':
      return serve({ commands: { detect, naive, diagnose, spectrum } });
    default:
      throw new Error(`no role ${role}`);
  }
}

/** Device agents that learn on 40 samples and write their context only at the end. */
function serveAgents(url: string): void {
  const agents: DeviceAgent[] = [];
  const receivedBy = (agent: DeviceAgent): number => agent.status().telemetry.received;
  serve({
    commands: {
      async start({ count = 0 }) {
        await inLanes(count, LANES, async (index) => {
          agents.push(
            await startDeviceAgent({
              url,
              org: ORG,
              unit: UNIT,
              deviceId: deviceIdOf(index),
              detector: { learnSamples: 40 },
              stateIntervalMs: 86_400_000,
            }),
          );
        });
        return agents.length;
      },
      received: () => Promise.resolve(agents.reduce((sum, agent) => sum + receivedBy(agent), 0)),
      /** Grows as long as samples arrive: what some of the agents have seen, for it is asked while CPU time is taken. */
      pulse() {
        const step = Math.max(1, Math.floor(agents.length / PULSE_AGENTS));
        const some = agents.filter((_, index) => index % step === 0);
        return Promise.resolve(some.reduce((sum, agent) => sum + receivedBy(agent), 0));
      },
      /** What each agent lacks of so many samples, by index. */
      lacking({ samples = 0 }) {
        const missing = agents.map((agent, index) => [index, samples - receivedBy(agent)] as const);
        return Promise.resolve(Object.fromEntries(missing.filter(([, count]) => count > 0)));
      },
    },
  });
}

/** A bare connection for each device, which parses each sample and has a threshold. */
function serveNaive(url: string): void {
  let received = 0;
  const links: Link[] = [];
  serve({
    commands: {
      async start({ count = 0 }) {
        await inLanes(count, LANES, async (index) => {
          const deviceId = deviceIdOf(index);
          const link = await openLink({ url, clientId: `${ORG}/${UNIT}/naive-${index}` });
          const detector = new NaiveDetector();
          await link.subscribe(deviceTopics({ org: ORG, unit: UNIT, deviceId }).telemetry, (message) => {
            detector.push(JSON.parse(message.text()) as Telemetry);
            received += 1;
          });
          links.push(link);
        });
        return links.length;
      },
      received: () => Promise.resolve(received),
      pulse: () => Promise.resolve(received),
      // It has nothing to learn.
      lacking: () => Promise.resolve({}),
    },
  });
}

function serveFeeder(url: string): void {
  const link = openLink({ url, clientId: `${ORG}/${UNIT}/feeder` });
  let seq = 0;
  serve({
    commands: {
      /** `samples` of each of `count` devices, in turns. Resolves when the broker has taken them all. */
      async feed({ count = 0, samples = 0 }) {
        const open = await link;
        for (let i = 0; i < samples; i += 1, seq += 1) {
          await inLanes(count, LANES, async (index) => {
            const deviceId = deviceIdOf(index);
            const { telemetry } = deviceTopics({ org: ORG, unit: UNIT, deviceId });
            await open.publish(telemetry, JSON.stringify(telemetryOf(deviceId, seq)), { qos: 1 });
          });
        }
        return samples * count;
      },
      async feedOne({ index = 0, samples = 0 }) {
        const deviceId = deviceIdOf(index);
        const { telemetry } = deviceTopics({ org: ORG, unit: UNIT, deviceId });
        for (let i = 0; i < samples; i += 1, seq += 1)
          await (await link).publish(telemetry, JSON.stringify(telemetryOf(deviceId, seq)), { qos: 1 });
        return samples;
      },
    },
  });
}

/** Samples in a second of CPU, made before the clock runs. */
async function detect({ samples = 0 }): Promise<number> {
  const made = Array.from({ length: samples }, (_, seq) => telemetryOf('device', seq));
  const channels = Object.keys(made[0]!.channels);
  const detector = new StreamingDetector(channels, { learnSamples: 400 });
  const rows = made.map((sample) => channels.map((channel) => sample.channels[channel]));
  return perCpuSecond(samples, () => rows.forEach((row, seq) => detector.push(row, seq * 1000)));
}

async function naive({ samples = 0 }): Promise<number> {
  const made = Array.from({ length: samples }, (_, seq) => telemetryOf('device', seq));
  const detector = new NaiveDetector();
  return perCpuSecond(samples, () => made.forEach((sample) => detector.push(sample)));
}

const SAMPLE_RATE_HZ = 12_000;
const RPM = 1772;

/** One second of a bearing with a defect on its inner race. */
function waveform(): Float32Array {
  return synthesizeVibration({
    seed: 1,
    sampleRateHz: SAMPLE_RATE_HZ,
    samples: SAMPLE_RATE_HZ,
    shaftRpm: RPM,
    bearing: PUMP_BEARING,
    parts: { base: 0.05, innerRace: 0.2, outerRace: 0, ball: 0, imbalance: 0, cavitation: 0 },
  });
}

/** Milliseconds of CPU for one second of waveform. */
async function diagnose({ times = 1 }): Promise<number> {
  const samples = waveform();
  return (
    1000 /
    perCpuSecond(times, () => {
      for (let i = 0; i < times; i += 1)
        diagnoseVibration(samples, { sampleRateHz: SAMPLE_RATE_HZ, shaftRpm: RPM, orders: PUMP_BEARING });
    })
  );
}

async function spectrum({ times = 1 }): Promise<number> {
  const samples = waveform();
  return (
    1000 /
    perCpuSecond(times, () => {
      for (let i = 0; i < times; i += 1) powerSpectrum(samples, SAMPLE_RATE_HZ);
    })
  );
}

function perCpuSecond(count: number, work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (count / Math.max(1, user + system)) * 1_000_000;
}

const [, , role = '', parameters = '{}'] = process.argv;
await start(role, JSON.parse(parameters) as Parameters);
