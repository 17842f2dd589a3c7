/** Answered by every worker: CPU time that its process has used, in microseconds. */
export const CPU_COMMAND = 'cpu';

/** What a command measured: a number, or several by name. */
export type Answered = number | Readonly<Record<string, number>>;

type Parameters = Readonly<Record<string, number>>;

export interface Served {
  /** Told to the parent when the worker is ready. */
  readonly ready?: Readonly<Record<string, unknown>>;
  readonly commands?: Readonly<Record<string, (parameters: Parameters) => Promise<Answered>>>;
}

/** The other end of `startWorker`, in the process of its own. */
export function serve(served: Served): void {
  const { ready = {}, commands = {} } = served;
  process.on('message', ({ command, ...parameters }: { command: string } & Parameters) => {
    const run = command === CPU_COMMAND ? cpuMicroseconds : commands[command];
    const value = run === undefined ? Promise.reject(new Error(`no command ${command}`)) : run(parameters);
    value.then(
      (value) => process.send?.({ value }),
      (error: unknown) => process.send?.({ error: error instanceof Error ? error.stack : String(error) }),
    );
  });
  process.on('disconnect', () => process.exit(0));
  process.send?.({ ready });
}

function cpuMicroseconds(): Promise<number> {
  const { user, system } = process.cpuUsage();
  return Promise.resolve(user + system);
}
