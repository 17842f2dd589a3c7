import { StepError } from '../errors.ts';
import { abortError, runWork, type WorkEnd, type WorkOptions } from './run-work.ts';

/** Work that was begun. It outlives a lost connection: when the connection is back and the attempt still counts, it goes on. */
export class BegunWork {
  readonly startedAtMs: number;
  /** An intent was written before it: the effect may have happened. */
  readonly afterIntent: boolean;
  #abort: AbortController | undefined;
  #end: WorkEnd | undefined;

  constructor(options: { readonly startedAtMs: number; readonly afterIntent: boolean }) {
    this.startedAtMs = options.startedAtMs;
    this.afterIntent = options.afterIntent;
  }

  /** `onEnd` is called when the work has ended, in whichever way. */
  begin(options: WorkOptions, onEnd: () => void): void {
    void this.#run(options, onEnd);
  }

  async #run(options: WorkOptions, onEnd: () => void): Promise<void> {
    const end = await runWork(options, () => this.#controller().signal);
    this.#end ??= end;
    onEnd();
  }

  get end(): WorkEnd | undefined {
    return this.#end;
  }

  abort(reason: StepError): void {
    this.#controller().abort(reason);
  }

  /** Most work never asks for it. */
  #controller(): AbortController {
    this.#abort ??= new AbortController();
    return this.#abort;
  }

  /** It had its time to stop: whatever it does from here on is nobody's. */
  giveUp(): WorkEnd {
    this.#end ??= { end: 'error', error: abortError(this.#controller().signal), deliberate: false };
    return this.#end;
  }
}
