/** What a run of the command may touch of the world: handed in, so that tests run it in their own process. */
export interface Io {
  readonly stdout: TextSink;
  readonly stderr: TextSink;
  readonly stdin: TextSource;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Aborted by SIGINT and SIGTERM. */
  readonly signal: AbortSignal;
}

export interface TextSink {
  write(text: string): void;
  readonly isTTY: boolean;
  /** Characters in a line; undefined: unknown, nothing is cut. */
  readonly columns: number | undefined;
}

export interface TextSource {
  readonly isTTY: boolean;
  /** All of it. */
  read(): Promise<string>;
  /** One line that a person types and nobody sees. Only on a terminal. */
  readSecret(prompt: string): Promise<string>;
}
