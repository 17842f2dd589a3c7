import { assert, sourceArgs, startCommand } from './run-command.ts';
import { MODEL_PACKAGES, type SmallModel } from './small-model.ts';

/** What is read of the document of `pnpm demo --json`. */
interface DemoDocument {
  readonly ok: boolean;
  readonly reason?: string;
  readonly workOrder: { readonly finding: { readonly verdict: string } } | null;
  readonly reasoning: readonly {
    readonly sessionId: string | null;
    readonly stepId: string | null;
    readonly by: string;
    readonly model: string | null;
    readonly decision: unknown;
    readonly tokens: number;
    readonly seconds: number;
    readonly error: { readonly code: string; readonly message: string } | null;
  }[];
}

/**
 * The demo fleet with the model: the work order comes, and in the instance of its step the model has drafted the note for the technician,
 * on record. A machine that is too slow for it has the rules' note in its place, which is said and is no failure.
 */
export async function runModelFleet({ modelPath }: SmallModel): Promise<void> {
  const flags = ['--once', '--json', '--models', '--timeout', '200', '--model', modelPath];
  const env = { ...process.env, NODE_PATH: MODEL_PACKAGES };
  const running = startCommand(process.execPath, sourceArgs('apps/fleet/src/main.ts', ...flags), { env });
  const { code, stdout, stderr } = await running.done;
  assert(code === 0, `the fleet with a model: exit code ${code}\n${stdout}\n${stderr.slice(-4000)}`);
  const { workOrder, reasoning } = JSON.parse(stdout) as DemoDocument;
  assert(workOrder !== null, 'no work order');
  const note = reasoning.find(({ stepId }) => stepId === 'work-order');
  assert(note, `no decision of the step work-order is on record: ${JSON.stringify(reasoning)}`);
  const { text } = note.decision as { readonly text?: unknown };
  const isText = typeof text === 'string' && text.length >= 1 && text.length <= 300;
  assert(isText, `the note is ${JSON.stringify(note.decision)}`);
  assert(note.model?.startsWith('llama/'), `asked was ${note.model}`);
  const isInTime = note.by === 'model' && note.error === null && note.tokens > 50;
  const isLate = note.by === 'rules' && note.error?.code === 'timed-out';
  assert(isInTime || isLate, `the note: ${JSON.stringify(note)}`);
  console.log(`the fleet's note is by ${note.by}, ${note.tokens} tokens, ${note.seconds} s: ${text}`);
}
