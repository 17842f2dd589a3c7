import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createAgent, createRequester, type Agent } from '@shoal/agent-sdk';
import { createBroker } from '@shoal/broker';
import { startDeviceAgent, type DeviceAgent } from '@shoal/device-agent';
import { pumpModel, startDevice, type Device } from '@shoal/device-sim';
import { openLink } from '@shoal/mqtt-link';
import { agentTopics, deviceTopics, type DesiredState, type ToolApproval } from '@shoal/protocol';
import {
  childProcessSpawner,
  createSupervisor,
  inProcessSpawner,
  spawnerGroup,
  type ChildProcessSpawner,
  type Spawner,
  type Supervisor,
} from '@shoal/supervisor';
import { defineAgentBlueprint, defineBlueprint, parseWorkflow, type StepContext } from '@shoal/workflow';
import { ARTIFACTS, XSS } from './artifacts.ts';
import { SCOPE } from './scope.ts';

const PROGRAM = ['--conditions=@shoal/source', '--import', 'tsx'];
const fileOf = (file: string): string => join(import.meta.dirname, file);

const WORKFLOW = `
id: repair
name: Repair
version: 1.2.0
description: Finds out what ails a pump, asks a person, and orders what it takes.
deadlineSeconds: 600
variables:
  device: { type: string, default: pump-01 }
steps:
  - { id: diagnose, description: Compares the signal with known faults., use: { blueprint: work }, timeoutSeconds: 300 }
  - { id: survey, description: Asks the neighbours what they can carry., use: { blueprint: work }, timeoutSeconds: 300 }
  - id: each-part
    description: Looks up every part.
    use: { blueprint: work }
    needs: [diagnose]
    forEach: { in: '["seal", "bearing", "coupling"]' }
    timeoutSeconds: 300
  - { id: approve, description: A person decides., use: { approval: { prompt: "Stop pump-01 for two hours and replace the bearing?" } }, needs: [diagnose, survey] }
  - { id: order, description: Orders parts and people., use: { blueprint: work }, needs: [approve, each-part], idempotent: false, timeoutSeconds: 300 }
`;

const MEASURE = `
id: measure
description: Listens to a pump in a process of its own.
deadlineSeconds: 600
steps:
  - { id: sound, description: Listens to the pump., use: { blueprint: listen }, placement: { labels: { process: own } }, timeoutSeconds: 300 }
`;

const ALARM = `
id: look-after
description: Looks after a machine that called.
deadlineSeconds: 600
triggers:
  - id: called
    description: A machine called.
    telemetry: { topic: "plant/calls/+", when: 'message.level > 3.0', key: 'message.machine', clear: 'message.level < 1.0' }
steps:
  - { id: look, description: Looks., use: { blueprint: work }, timeoutSeconds: 300 }
`;

/** Quick, in the proportions of the defaults. */
const POLICY = {
  startGraceMs: 3_000,
  suspicionMs: 50,
  probeGapMs: 100,
  livenessMs: 2_000,
  deadlineGraceMs: 500,
  adoptMs: 500,
};

/** Holds back steps until the test lets them go. */
export class StepGate {
  readonly #held = new Map<string, Promise<void>>();
  readonly #release = new Map<string, () => void>();

  hold(stepId: string): void {
    this.#held.set(stepId, new Promise((resolve) => this.#release.set(stepId, resolve)));
  }

  release(stepId: string): void {
    this.#release.get(stepId)?.();
    this.#held.delete(stepId);
  }

  releaseAll(): void {
    for (const stepId of this.#release.keys()) this.release(stepId);
  }

  async pass({ stepId, signal }: StepContext): Promise<void> {
    const held = this.#held.get(stepId);
    if (held === undefined) return;
    await new Promise<void>((resolve, reject) => {
      void held.then(resolve);
      signal.addEventListener('abort', () => reject(signal.reason as Error));
    });
  }
}

export interface Stage {
  readonly url: string;
  readonly wsUrl: string;
  readonly gate: StepGate;
  /** Asks a workflow as any requester does; returns the id of the session when it was accepted. */
  ask(workflowId: string): Promise<string>;
  /** A machine calls: a trigger of the workflow `look-after` listens. */
  call(machine: string, level: number): Promise<void>;
  /** A person approves a call of `stop` on a device. */
  approveStop(deviceId: string, approvalId: string): Promise<void>;
  /** Has the supervisor keep an agent alive. */
  want(agentId: string): Promise<void>;
  /** An agent in a process of its own, registered. It ends with this process. */
  startVictim(): Promise<ChildProcess>;
  /** SIGKILL for every step that runs in a process of its own. */
  killStep(): Promise<void>;
  stop(): Promise<void>;
}

/** What a stage stands on: TCP for agents, WebSocket for the console. */
export interface StageBroker {
  readonly url: string;
  readonly wsUrl: string;
  stop(): Promise<void>;
}

export async function embeddedBroker(): Promise<StageBroker> {
  const broker = createBroker({ allowAnonymous: true, listen: { tcp: { port: 0 }, ws: { port: 0 } } });
  const { tcp, ws } = await broker.start();
  return { url: tcp!.url, wsUrl: ws!.url, stop: () => broker.stop() };
}

/** A small fleet in this process: devices, their agents, a workflow, and an agent that answers with everything there is. */
export async function startStage(broker: StageBroker): Promise<Stage> {
  const { url } = broker;
  const gate = new StepGate();
  const devices: Device[] = [];
  const agents: DeviceAgent[] = [];
  for (const [index, deviceId] of ['pump-01', 'pump-02'].entries()) {
    const faults = index === 0 ? [{ kind: 'imbalance' as const, startsAtSample: 900 }] : [];
    devices.push(
      await startDevice({
        url,
        ...SCOPE,
        deviceId,
        source: pumpModel({ seed: index + 1, faults }),
        speed: 40,
      }),
    );
    agents.push(
      await startDeviceAgent({
        url,
        ...SCOPE,
        deviceId,
        name: `Cooling water pump ${index + 1}`,
        deviceType: 'pump',
        site: 'Basel',
        area: index === 0 ? 'hall A' : 'hall B',
        relations: [{ deviceId: index === 0 ? 'pump-02' : 'pump-01', relation: 'standby' }],
        detector: { learnSamples: 300 },
        stateIntervalMs: 1_000,
      }),
    );
  }
  const artist = await startArtist(url);
  const { spawner, apart, supervisor } = await startSupervision(url, gate);
  const victims: ChildProcess[] = [];
  const callerLink = await openLink({ url, clientId: 'acme/plant-1/caller' });
  const caller = createRequester({ link: callerLink, address: { ...SCOPE, agentId: 'caller' } });
  return {
    url,
    wsUrl: broker.wsUrl,
    gate,
    async call(machine, level) {
      await callerLink.publish(`plant/calls/${machine}`, JSON.stringify({ machine, level }));
    },
    async approveStop(deviceId, approvalId) {
      const word: ToolApproval = {
        schemaVersion: 1,
        approvalId,
        deviceId,
        tool: 'stop',
        args: {},
        action: 'approve',
        by: 'ada',
        at: new Date().toISOString(),
        expiresAt: new Date(Date.now() + 900_000).toISOString(),
      };
      await callerLink.publish(
        deviceTopics({ ...SCOPE, deviceId }).approval(approvalId),
        JSON.stringify(word),
        { retain: true },
      );
    },
    async want(agentId) {
      const record: DesiredState = { schemaVersion: 1, agentId, blueprint: 'keeper', state: 'running' };
      await callerLink.publish(agentTopics({ ...SCOPE, agentId }).desired, JSON.stringify(record), {
        retain: true,
      });
    },
    async ask(workflowId) {
      const answer = await caller.send({ ...SCOPE, agentId: workflowId }, 'go', { returnImmediately: true });
      if (!('status' in answer)) throw new Error('no task was made of the request');
      return answer.id;
    },
    async startVictim() {
      const victim = fork(fileOf('agent-process.ts'), [url], { execArgv: PROGRAM });
      victims.push(victim);
      await once(victim, 'message');
      return victim;
    },
    killStep: async () => apart.signal('SIGKILL'),
    async stop() {
      gate.releaseAll();
      for (const victim of victims) victim.kill('SIGKILL');
      apart.signal('SIGKILL');
      await caller.close();
      await callerLink.close();
      await supervisor.stop();
      await spawner.stop();
      await artist.stop();
      for (const agent of agents) await agent.stop();
      for (const device of devices) await device.stop();
    },
  };
}

async function startSupervision(
  url: string,
  gate: StepGate,
): Promise<{ spawner: Spawner; apart: ChildProcessSpawner; supervisor: Supervisor }> {
  const work = defineBlueprint({
    id: 'work',
    description: 'Works as long as it is held.',
    run: async (context) => {
      context.progress(`${context.stepId} at work ${XSS}`);
      await gate.pass(context);
      const { stepId, attempt } = context;
      return {
        output: { stepId, attempt, verdict: 'inner race', confidence: 0.99, note: XSS },
        summary: `${stepId} done ${XSS}`,
      };
    },
  });
  const keeper = defineAgentBlueprint({
    id: 'keeper',
    description: 'Is kept alive.',
    async start({ org, unit, agentId, url: brokerUrl }) {
      const agent = createAgent({
        url: brokerUrl,
        org,
        unit,
        agentId,
        card: {
          name: 'Night watch',
          description: 'Is kept alive by supervisors.',
          skills: [{ id: 'watch', name: 'Watch', description: 'Watches.', tags: ['watch'] }],
        },
        handle: () => Promise.resolve('all is well'),
      });
      await agent.start();
      return { stop: () => agent.stop() };
    },
  });
  const apart = childProcessSpawner({
    url,
    command: process.execPath,
    args: [...PROGRAM, fileOf('step-process.ts')],
  });
  const spawner = spawnerGroup([
    { id: 'here', spawner: inProcessSpawner({ url, blueprints: [work], agents: [keeper] }) },
    { id: 'apart', spawner: apart, labels: { process: 'own' } },
  ]);
  const supervisor = createSupervisor({
    url,
    ...SCOPE,
    workflows: [parseWorkflow(WORKFLOW), parseWorkflow(MEASURE), parseWorkflow(ALARM)],
    agentBlueprints: ['keeper'],
    spawner,
    policy: POLICY,
    reconcileIntervalMs: 1_000,
    probeTimeoutMs: 500,
  });
  await supervisor.start();
  return { spawner, apart, supervisor };
}

/** Also the attacker: its card and everything it says try to get out of the text. */
async function startArtist(url: string): Promise<Agent> {
  const agent = createAgent({
    url,
    ...SCOPE,
    agentId: 'artist',
    card: {
      name: `Artist ${XSS}`,
      description: `Draws and tells. ${XSS}`,
      skills: [
        {
          id: 'draw',
          name: `Draw ${XSS}`,
          description: 'Answers with every kind of artifact.',
          tags: ['drawing', XSS],
        },
      ],
    },
    handle: async (task) => {
      await task.progress(`sharpening pencils ${XSS}`);
      if (task.text === 'ask me') {
        task.inputRequired('Which colour?');
        return undefined;
      }
      if (task.history.length > 1) return `You said: ${task.text}`;
      if (task.text === 'context?') return `${(await task.earlierTasks()).length + 1} tasks of this context`;
      return { parts: ARTIFACTS };
    },
  });
  await agent.start();
  return agent;
}
