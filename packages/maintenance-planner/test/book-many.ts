/** Books in a loop, for a test that runs several of these at once. */
import { createDesk, openSqliteStore } from '../src/index.ts';

const [file = '', n = '0'] = process.argv.slice(2);
const store = openSqliteStore({ file, retentionDays: 36_500 });
const desk = createDesk({ store });
// Processes 1 and 2 book under the same keys; 0 goes on until it is killed.
const rounds = n === '0' ? 10_000 : 10;
for (let i = 0; i < rounds; i += 1) {
  const sessionId = n === '0' ? `own-${i}` : `shared-${i}`;
  await desk
    .book({ sessionId, stepId: 'order' }, { deviceId: `pump-${sessionId}`, verdict: 'inner-race' })
    .catch((error: unknown) => {
      // The parts or the hours of the horizon may be used up by the one that is killed.
      if (n !== '0') throw error;
    });
  process.send?.(i);
}
await store.close();
process.exit(0);
