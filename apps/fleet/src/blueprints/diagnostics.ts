import { diagnoseVibration, type VibrationDiagnosis } from '@shoal/device-agent';
import { defineBlueprint, type Blueprint } from '@shoal/workflow';
import { failureMode } from '../maintenance/failure-modes.ts';
import { openDeviceTools, type Waveform } from './device-tools.ts';
import { requiredText } from './step-input.ts';

const SECONDS = 4;

/** Fetches the vibration waveform from the device and names the fault that most one-second windows show. */
export function diagnostics(url: string): Blueprint {
  return defineBlueprint({
    id: 'diagnostics',
    description: 'Reads a vibration signature through MCP and compares it with known failure modes.',
    async run(context) {
      const deviceId = requiredText(context.input, 'deviceId');
      const tools = await openDeviceTools(url, context, deviceId);
      try {
        const waveform = await tools.readWaveform(SECONDS);
        context.progress(`read ${waveform.samples.length} vibration samples of ${deviceId}`);
        return describe(waveform, diagnoseWindows(waveform));
      } finally {
        await tools.close();
      }
    },
  });
}

interface Windows {
  readonly best: VibrationDiagnosis;
  /** Windows by verdict. */
  readonly votes: Readonly<Record<string, number>>;
}

function diagnoseWindows({ samples, sampleRateHz, shaftRpm, orders }: Waveform): Windows {
  const windows = Math.max(1, Math.floor(samples.length / sampleRateHz));
  const diagnoses = Array.from({ length: windows }, (_, i) =>
    diagnoseVibration(samples.subarray(i * sampleRateHz, (i + 1) * sampleRateHz), {
      sampleRateHz,
      shaftRpm,
      orders,
    }),
  );
  const votes: Record<string, number> = {};
  for (const { verdict } of diagnoses) votes[verdict] = (votes[verdict] ?? 0) + 1;
  const [best] = diagnoses.toSorted(
    (a, b) => (votes[b.verdict] ?? 0) - (votes[a.verdict] ?? 0) || b.confidence - a.confidence,
  );
  if (best === undefined) throw new Error('no window to diagnose');
  return { best, votes };
}

function describe({ shaftRpm }: Waveform, { best, votes }: Windows) {
  const mode = failureMode(best.verdict);
  const evidence = best.evidence.map((line) => line.text);
  const agreeing = `${votes[best.verdict]} of ${Object.values(votes).reduce((a, b) => a + b, 0)} windows`;
  return {
    output: {
      verdict: best.verdict,
      confidence: best.confidence,
      component: mode.component,
      evidence,
      windows: { ...votes },
      shaftRpm,
      safeSpeedFraction: mode.safeSpeedFraction,
      safeSpeedRpm: Math.round(shaftRpm * mode.safeSpeedFraction),
    },
    summary: `${best.verdict} (${Math.round(best.confidence * 100)} %, ${agreeing}): ${evidence[0] ?? 'no evidence line'}`,
  };
}
