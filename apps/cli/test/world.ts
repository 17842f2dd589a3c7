import { createAgent, type Agent } from '@shoal/agent-sdk';
import { createBroker } from '@shoal/broker';
import { createScenario, startDevice, type Device } from '@shoal/device-sim';
import { startDeviceAgent, type DeviceAgent } from '@shoal/device-agent';
import type { ApproverKeys } from '@shoal/protocol/signing';
import { createSupervisor, inProcessSpawner, type Supervisor } from '@shoal/supervisor';
import { defineBlueprint, parseWorkflow, StepError } from '@shoal/workflow';
import type { CliOptions } from './cli.ts';

export const ORG = 'acme';
export const UNIT = 'plant-1';

/** A broker with a little of everything, in this process. */
export interface World {
  readonly url: string;
  /** Environment of the command line. */
  readonly options: CliOptions;
  startEcho(agentId?: string): Promise<Agent>;
  startDevice(): Promise<string>;
  startDeviceAgent(deviceId: string, approverKeys?: ApproverKeys): Promise<DeviceAgent>;
  startSupervisor(): Promise<Supervisor>;
  stop(): Promise<void>;
}

const WORKFLOWS = [
  `id: report
description: Writes a report.
steps:
  - { id: gather, use: { blueprint: work } }
  - { id: write, use: { blueprint: work }, needs: [gather] }
`,
  `id: release
description: Asks a person.
steps:
  - { id: prepare, use: { blueprint: work } }
  - { id: sign, use: { approval: { prompt: "Release the pump?" } }, needs: [prepare] }
  - { id: act, use: { blueprint: work }, needs: [sign] }
`,
  `id: broken
description: Fails.
steps:
  - { id: fall, use: { blueprint: fail } }
`,
];

export async function startWorld(): Promise<World> {
  const broker = createBroker({ allowAnonymous: true });
  const { tcp } = await broker.start();
  const url = tcp?.url ?? '';
  const closing: (() => Promise<unknown>)[] = [];
  return {
    url,
    options: {
      env: { SHOAL_BROKER_URL: url, SHOAL_ORG: ORG, SHOAL_UNIT: UNIT, USER: 'tester', SHOAL_TIMEOUT: '20' },
    },
    async startEcho(agentId = 'echo') {
      const agent = createAgent({
        url,
        org: ORG,
        unit: UNIT,
        agentId,
        card: {
          name: `Echo ${agentId}`,
          description: 'Says what it is told.',
          version: '1.2.3',
          skills: [{ id: 'echo', name: 'Echo', description: 'Repeats.', tags: ['test'] }],
        },
        async handle(task) {
          if (task.text === 'fail') throw new Error('told to fail');
          if (task.text === 'slow')
            await new Promise((resolve) => task.signal.addEventListener('abort', resolve));
          await task.progress('thinking');
          return `you said: ${task.text}`;
        },
      });
      await agent.start();
      closing.push(() => agent.stop());
      return agent;
    },
    async startDevice() {
      const scenario = await createScenario({ devices: 2, site: UNIT });
      const [first] = scenario.devices;
      if (first === undefined) throw new Error('no device planned');
      const device: Device = await startDevice({ url, org: ORG, unit: UNIT, ...first, speed: 40 });
      closing.push(() => device.stop());
      return first.deviceId;
    },
    async startDeviceAgent(deviceId, approverKeys) {
      const agent = await startDeviceAgent({
        url,
        org: ORG,
        unit: UNIT,
        deviceId,
        deviceType: 'pump',
        name: deviceId,
        site: UNIT,
        area: 'hall',
        ...(approverKeys === undefined ? {} : { approverKeys }),
      });
      closing.push(() => agent.stop());
      return agent;
    },
    async startSupervisor() {
      const blueprints = [
        defineBlueprint({
          id: 'work',
          description: 'Works.',
          run: ({ stepId }) => Promise.resolve({ output: { step: stepId }, summary: `${stepId} is done` }),
        }),
        defineBlueprint({
          id: 'fail',
          description: 'Fails.',
          run: () => Promise.reject(new StepError('BROKEN', 'it does not work', { retryable: false })),
        }),
      ];
      const supervisor = createSupervisor({
        url,
        org: ORG,
        unit: UNIT,
        workflows: WORKFLOWS.map((text) => parseWorkflow(text)),
        spawner: inProcessSpawner({ url, blueprints }),
        reconcileIntervalMs: 1_000,
      });
      await supervisor.start();
      closing.push(() => supervisor.stop());
      return supervisor;
    },
    async stop() {
      for (const close of closing.toReversed()) await close();
      await broker.stop();
    },
  };
}
