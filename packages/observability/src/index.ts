export { startObservability } from './start-observability.ts';
export type { Observability, ObservabilityOptions } from './start-observability.ts';
export type { ObservabilitySettings } from './settings.ts';
