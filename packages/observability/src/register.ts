/** `node --import @shoal/observability/register program.js`: any program of Shoal, observed without a line of code. */
import { startObservability } from './start-observability.ts';

await startObservability();
