import type { Io, TextSink, TextSource } from './io.ts';

/** The streams and the environment of this process. */
export function processIo(signal: AbortSignal): Io {
  return {
    stdout: sinkOf(process.stdout),
    stderr: sinkOf(process.stderr),
    stdin: standardInput(),
    env: process.env,
    cwd: process.cwd(),
    signal,
  };
}

function sinkOf(stream: NodeJS.WriteStream): TextSink {
  return {
    write: (text) => void stream.write(text),
    get isTTY() {
      return stream.isTTY;
    },
    get columns() {
      return stream.isTTY ? stream.columns : undefined;
    },
  };
}

function standardInput(): TextSource {
  return {
    get isTTY() {
      return process.stdin.isTTY;
    },
    async read() {
      let text = '';
      process.stdin.setEncoding('utf8');
      for await (const chunk of process.stdin) text += String(chunk);
      return text;
    },
    readSecret: (prompt) => readHidden(prompt),
  };
}

const ENTER = new Set(['\r', '\n', '\u0004']);
const BACKSPACE = new Set(['\u0008', '\u007F']);

function readHidden(prompt: string): Promise<string> {
  const { stdin, stderr } = process;
  stderr.write(prompt);
  stdin.setRawMode(true);
  stdin.setEncoding('utf8');
  stdin.resume();
  return new Promise((resolve) => {
    let typed = '';
    const end = (): void => {
      stdin.off('data', onData);
      stdin.setRawMode(false);
      stdin.pause();
      stderr.write('\n');
    };
    const onData = (chunk: string): void => {
      for (const key of chunk) {
        if (key === '\u0003') {
          end();
          process.kill(process.pid, 'SIGINT');
          return;
        }
        if (ENTER.has(key)) {
          end();
          resolve(typed);
          return;
        }
        typed = BACKSPACE.has(key) ? Array.from(typed).slice(0, -1).join('') : typed + key;
      }
    };
    stdin.on('data', onData);
  });
}
