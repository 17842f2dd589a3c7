/** A pump with a bearing about to fail, its telemetry, and its tools. */
import { createBroker } from '@shoal/broker';
import { callJsonTool, connectMcp } from '@shoal/mcp-mqtt';
import { decodeSamples, deviceMcpServer, pumpModel, startDevice } from '../src/index.ts';

const say = (text: string): void => void process.stdout.write(`${text}\n`);

const broker = createBroker({ allowAnonymous: true });
const { tcp } = await broker.start();
const address = { url: tcp!.url, org: 'acme', unit: 'plant-1', deviceId: 'pump-01' };

const source = pumpModel({
  seed: 1,
  faults: [{ kind: 'bearing-outer-race', startsAtSample: 60, rampSamples: 10 }],
});
const device = await startDevice({ ...address, source, speed: 100 });
let resolve!: () => void;
const worn = new Promise<void>((settle) => (resolve = settle));
device.onSample(({ index, channels }) => {
  if (index % 20 === 0)
    say(`sample ${index}: vibration ${channels['vibration1']} g, flow ${channels['flow']} l/min`);
  if (index === 100) resolve();
});
await worn;

const connection = await connectMcp({ url: address.url, ...deviceMcpServer(address) });
let piece = await callJsonTool(connection.client, 'read_vibration_waveform', { seconds: 2 });
let samples = decodeSamples(String(piece['samples'])).length;
while (piece['nextOffset'] !== null) {
  piece = await callJsonTool(connection.client, 'read_vibration_waveform', {
    captureId: piece['captureId'],
    offset: piece['nextOffset'],
  });
  samples += decodeSamples(String(piece['samples'])).length;
}
say(
  `${samples} samples of vibration at ${String(piece['sampleRateHz'])} Hz and ${String(piece['shaftRpm'])} rpm`,
);
say(JSON.stringify(await callJsonTool(connection.client, 'set_speed', { rpm: 1500, requestId: 'r1' })));

await connection.close();
await device.stop();
await broker.stop();
