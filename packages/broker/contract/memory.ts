import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose_gc');
const collect = runInNewContext('gc') as () => void;

/** Bytes of buffers that are still in use; what only waits for the garbage collector does not count. */
export function bufferBytes(): number {
  collect();
  return process.memoryUsage().arrayBuffers;
}
