import type { Answered } from '../serve.ts';
import { startWorker, type StartedWorker } from '../worker.ts';
import { CONTENDERS, startContender, type Contender, type RunningBroker } from './contenders.ts';
import { nowMs } from './generator/crowd.ts';
import type { Scenario } from './scenarios.ts';

/** What one slice measured. */
export type Sample = Answered;

/** The brokers that take part, started when they are first needed, and the generator. */
export class Arena {
  readonly durationMs: number;
  /** Messages that a contender delivered to nobody, by scenario. */
  readonly lost: Record<string, number> = {};
  private readonly file: string;
  private readonly brokers = new Map<Contender, RunningBroker>();
  private readonly withCards = new Set<Contender>();
  private generator: StartedWorker | undefined;

  constructor(file: string, durationMs: number) {
    this.file = file;
    this.durationMs = durationMs;
  }

  async sample(scenario: Scenario, contender: Contender): Promise<Sample> {
    const generator = (this.generator ??= await startWorker(this.file, 'generator', {}));
    if (scenario.command === 'idle') return this.onNewBroker(scenario, contender, generator);
    const { port, pid } = await this.brokerOf(contender);
    const parameters = { ...scenario.parameters, port, pid, durationMs: this.durationMs };
    if (scenario.command === 'wills') return this.wills(parameters, generator);
    if (scenario.command === 'cards' && !this.withCards.has(contender)) {
      this.withCards.add(contender);
      await generator.call('registerCards', parameters);
    }
    const sample: Sample = await generator.call(scenario.command, parameters);
    this.noteLost(scenario, contender, sample);
    return sample;
  }

  private noteLost(scenario: Scenario, contender: Contender, sample: Sample): void {
    const lost = typeof sample === 'number' ? 0 : (sample['lost'] ?? 0);
    if (lost === 0) return;
    const name = `${CONTENDERS[contender]}: ${scenario.name}`;
    this.lost[name] = (this.lost[name] ?? 0) + lost;
  }

  private async brokerOf(contender: Contender): Promise<RunningBroker> {
    const running = this.brokers.get(contender) ?? (await startContender[contender](this.file));
    this.brokers.set(contender, running);
    return running;
  }

  /** Memory that was in use before would be taken for free. */
  private async onNewBroker(
    { parameters }: Scenario,
    contender: Contender,
    generator: StartedWorker,
  ): Promise<number> {
    const broker = await startContender[contender](this.file);
    const { port, pid } = broker;
    try {
      return await generator.call('idle', { ...parameters, port, pid });
    } finally {
      await broker.stop();
    }
  }

  private async wills(
    parameters: Readonly<Record<string, unknown>>,
    generator: StartedWorker,
  ): Promise<number> {
    const doomed = await startWorker(this.file, 'generator', {});
    await doomed.call('doom', parameters);
    await generator.call('watchWills', parameters);
    const killedAtMs = nowMs();
    doomed.kill();
    return (await generator.call('lastWillAtMs')) - killedAtMs;
  }

  async stop(): Promise<void> {
    await this.generator?.stop();
    for (const broker of this.brokers.values()) await broker.stop();
  }
}
