import { diagnoseVibration, openModes, plotDiagnosis, type VibrationDiagnosis } from '@shoal/device-agent';
import type { Artifact } from '@shoal/protocol';
import { chooseOne } from '@shoal/reasoner';
import { defineBlueprint, type Blueprint, type StepContext } from '@shoal/workflow';
import { failureMode } from '@shoal/maintenance-planner';
import { openDeviceTools, type Waveform } from './device-tools.ts';
import { requiredText } from './step-input.ts';
import type { ReasonerSetup } from './open-reasoner.ts';
import { reason } from './step-reasoner.ts';

const SECONDS = 4;

/**
 * Fetches the vibration waveform from the device and names the fault that most one-second windows show. The verdict is the signal's;
 * where that leaves several faults open, a model, if one is configured, says which to look at first.
 */
export function diagnostics(url: string, reasoner: ReasonerSetup | null): Blueprint {
  return defineBlueprint({
    id: 'diagnostics',
    description: 'Reads a vibration signature through MCP and compares it with known failure modes.',
    async run(context) {
      const deviceId = requiredText(context.input, 'deviceId');
      const tools = await openDeviceTools(url, context, deviceId);
      try {
        const waveform = await tools.readWaveform(SECONDS);
        context.progress(`read ${waveform.samples.length} vibration samples of ${deviceId}`);
        const windows = diagnoseWindows(waveform);
        const suspect = await suspectOf(windows.best, reasoner, context);
        const { output, summary } = describe(waveform, windows);
        return {
          output: suspect === undefined ? output : { ...output, suspect: { ...suspect } },
          summary,
          artifacts: plots(deviceId, waveform, windows.best),
        };
      } finally {
        await tools.close();
      }
    },
  });
}

interface Suspect {
  readonly mode: string;
  /** `rules`, or the model that chose. */
  readonly by: string;
  /** All that the signal leaves open. */
  readonly of: string[];
}

/** Undefined where nothing is open, or no model is there to weigh it. */
async function suspectOf(
  best: VibrationDiagnosis,
  setup: ReasonerSetup | null,
  context: StepContext,
): Promise<Suspect | undefined> {
  const options = openModes(best);
  if (setup === null || options.length === 1) return undefined;
  const task = chooseOne({
    purpose: 'suspect',
    instructions:
      'You are a vibration analyst. The signal does not suffice to name the fault of a machine. Choose the one to look for first.',
    data: { evidence: best.evidence.map(({ text }) => text) },
    options,
    rules: () => options[0] ?? 'unknown',
  });
  const { output, by } = await reason(setup, context, task);
  return { mode: output.choice, by, of: options };
}

function plots(deviceId: string, waveform: Waveform, best: VibrationDiagnosis): Artifact[] {
  const { spectrum, envelope } = plotDiagnosis(
    waveform.samples.subarray(0, waveform.sampleRateHz),
    waveform,
    best,
  );
  return Object.entries({ spectrum, envelope }).map(([name, svg]) => ({
    artifactId: `${deviceId}-${name}`,
    name,
    parts: [{ text: svg, mediaType: 'image/svg+xml', filename: `${deviceId}-${name}.svg` }],
  }));
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
