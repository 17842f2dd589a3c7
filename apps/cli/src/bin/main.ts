#!/usr/bin/env node
import { startObservability } from '@shoal/observability';
import { processIo } from '../process-io.ts';
import { run } from '../run.ts';

const stop = new AbortController();
let signals = 0;
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.on(signal, () => {
    stop.abort(new Error(signal));
    // Whoever presses it again does not want to wait.
    if (++signals > 1) process.exit(130);
  });
// A reader that has seen enough (`| head`) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});
const observability = await startObservability({ serviceName: 'shoal' });
process.exitCode = await run(process.argv.slice(2), processIo(stop.signal));
await observability?.shutdown();
// Whatever is still open has had its chance; what was printed is written first.
process.stdout.write('', () => process.exit());
