/**
 * Who may import whom. The same table stands in docs/architecture.md; a new arrow needs a decision record.
 * `test` lists what only tests, contracts and benchmarks of a package may import on top.
 */
export interface Layer {
  readonly folder: string;
  readonly imports: readonly string[];
  readonly test: readonly string[];
  /** Assembles the others: nothing imports it. */
  readonly app?: true;
}

export const LAYERS: Readonly<Record<string, Layer>> = {
  '@shoal/protocol': { folder: 'protocol', imports: [], test: [] },
  '@shoal/mqtt-link': { folder: 'packages/mqtt-link', imports: [], test: ['@shoal/broker'] },
  '@shoal/observability': { folder: 'packages/observability', imports: [], test: ['@shoal/mqtt-link'] },
  '@shoal/broker': { folder: 'packages/broker', imports: ['@shoal/protocol'], test: ['@shoal/mqtt-link'] },
  '@shoal/registry-client': {
    folder: 'packages/registry-client',
    imports: ['@shoal/protocol', '@shoal/mqtt-link'],
    test: ['@shoal/broker'],
  },
  '@shoal/a2a-js-mqtt': {
    folder: 'packages/a2a-js-mqtt',
    imports: ['@shoal/protocol', '@shoal/mqtt-link', '@shoal/agent-sdk'],
    test: ['@shoal/broker'],
  },
  '@shoal/gateway': {
    folder: 'apps/gateway',
    imports: [
      '@shoal/protocol',
      '@shoal/mqtt-link',
      '@shoal/agent-sdk',
      '@shoal/a2a-js-mqtt',
      '@shoal/registry-client',
      '@shoal/observability',
    ],
    test: ['@shoal/broker'],
  },
  '@shoal/agent-sdk': {
    folder: 'packages/agent-sdk',
    imports: ['@shoal/protocol', '@shoal/mqtt-link'],
    test: ['@shoal/broker', '@shoal/registry-client'],
  },
  '@shoal/conformance': {
    folder: 'packages/conformance',
    imports: ['@shoal/protocol'],
    test: ['@shoal/broker'],
  },
  '@shoal/mcp-mqtt': { folder: 'packages/mcp-mqtt', imports: ['@shoal/mqtt-link'], test: ['@shoal/broker'] },
  '@shoal/reasoner': {
    folder: 'packages/reasoner',
    imports: ['@shoal/protocol', '@shoal/mqtt-link'],
    test: ['@shoal/broker'],
  },
  '@shoal/device-tools': {
    folder: 'packages/device-tools',
    imports: ['@shoal/protocol', '@shoal/mqtt-link'],
    test: ['@shoal/broker', '@shoal/mcp-mqtt'],
  },
  '@shoal/device-agent': {
    folder: 'packages/device-agent',
    imports: [
      '@shoal/protocol',
      '@shoal/mqtt-link',
      '@shoal/agent-sdk',
      '@shoal/mcp-mqtt',
      '@shoal/device-tools',
    ],
    test: ['@shoal/broker', '@shoal/device-sim', '@shoal/reasoner', '@shoal/registry-client'],
  },
  '@shoal/device-sim': {
    folder: 'packages/device-sim',
    imports: ['@shoal/protocol', '@shoal/mqtt-link', '@shoal/mcp-mqtt', '@shoal/device-tools'],
    test: ['@shoal/broker'],
  },
  '@shoal/workflow': {
    folder: 'packages/workflow',
    imports: ['@shoal/protocol', '@shoal/mqtt-link', '@shoal/agent-sdk'],
    test: ['@shoal/broker'],
  },
  '@shoal/maintenance-planner': {
    folder: 'packages/maintenance-planner',
    imports: ['@shoal/protocol', '@shoal/mqtt-link', '@shoal/agent-sdk'],
    test: ['@shoal/broker'],
  },
  '@shoal/fleet-coordinator': {
    folder: 'packages/fleet-coordinator',
    imports: [
      '@shoal/protocol',
      '@shoal/mqtt-link',
      '@shoal/agent-sdk',
      '@shoal/registry-client',
      '@shoal/device-agent',
      '@shoal/maintenance-planner',
    ],
    test: ['@shoal/broker', '@shoal/device-sim'],
  },
  'create-shoal': {
    folder: 'packages/create-shoal',
    imports: [],
    test: [
      '@shoal/agent-sdk',
      '@shoal/broker',
      '@shoal/device-agent',
      '@shoal/device-sim',
      '@shoal/mqtt-link',
      '@shoal/supervisor',
      '@shoal/workflow',
    ],
  },
  '@shoal/supervisor': {
    folder: 'packages/supervisor',
    imports: [
      '@shoal/protocol',
      '@shoal/mqtt-link',
      '@shoal/agent-sdk',
      '@shoal/registry-client',
      '@shoal/workflow',
    ],
    test: ['@shoal/broker', '@shoal/mcp-mqtt', '@shoal/observability'],
  },
  '@shoal/spawner-docker': {
    folder: 'packages/spawner-docker',
    imports: ['@shoal/mqtt-link', '@shoal/workflow', '@shoal/supervisor'],
    test: ['@shoal/broker'],
  },
  '@shoal/spawner-kubernetes': {
    folder: 'packages/spawner-kubernetes',
    imports: ['@shoal/mqtt-link', '@shoal/workflow', '@shoal/supervisor'],
    test: ['@shoal/broker'],
  },
  '@shoal/cli': {
    folder: 'apps/cli',
    imports: [
      '@shoal/protocol',
      '@shoal/mqtt-link',
      '@shoal/agent-sdk',
      '@shoal/mcp-mqtt',
      '@shoal/device-tools',
      '@shoal/registry-client',
      '@shoal/workflow',
      '@shoal/supervisor',
      '@shoal/device-agent',
      '@shoal/device-sim',
      '@shoal/broker',
      '@shoal/conformance',
      '@shoal/observability',
      'create-shoal',
    ],
    test: [],
    app: true,
  },
};

/** Not published: what tests, contracts and tools of any package may import. */
export const WORKSHOP: readonly string[] = ['@shoal/bundle'];

/** Modules that only `core/` must not touch: it takes the time and the input, and returns a decision. */
export const IMPURE_MODULES: readonly string[] = [
  'node:net',
  'node:tls',
  'node:http',
  'node:https',
  'node:fs',
  'node:fs/promises',
  'node:child_process',
  'node:worker_threads',
  'node:timers',
  'node:timers/promises',
  'node:os',
  'node:dgram',
  'mqtt',
  'ws',
  'classic-level',
  '@shoal/mqtt-link',
];
