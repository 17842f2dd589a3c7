import { ConformanceError, NotRun } from '../core/conformance-error.ts';
import type { ResponderManifest, ResponderVariant } from '../core/manifest.ts';
import { params } from '../core/request.ts';
import type { ScenarioResult } from '../core/report.ts';
import type { ResponderScenario } from '../scenarios/scenario.ts';
import type { Observation } from './client.ts';
import { ResponderStage, startResponder, type RunningResponder } from './responder-stage.ts';
import { performScenario } from './perform.ts';
import { Stage, type StageOptions } from './stage.ts';
import type { Launch } from './subject.ts';

type Given = Pick<ResponderManifest, 'offers' | 'variants'> & { readonly launch: Launch };

/** Scenarios of responders: those that do no harm share one life of the test agent for each variant. */
export class ResponderRun {
  /** Scenarios during which a shared agent died: whose fault it was shows when they run alone. */
  readonly again = new Set<string>();
  /** Once a shared agent has died, each scenario gets an agent of its own, so that no other suffers. */
  #fragile = false;
  readonly #observations: Observation[] = [];
  readonly #options: StageOptions;
  readonly #count: () => number;
  readonly #given: Given | undefined;
  readonly #shared = new Map<ResponderVariant, Promise<RunningResponder>>();

  constructor(options: StageOptions, count: () => number, given: Given | undefined) {
    this.#options = options;
    this.#count = count;
    this.#given = given;
  }

  async perform(scenario: ResponderScenario): Promise<ScenarioResult> {
    let running: RunningResponder | undefined;
    const isShared = scenario.fresh !== true && !this.#fragile;
    // Two at once on a variant that takes one task at a time would disturb each other.
    const release = scenario.variant === 'busy' && isShared ? await this.#lock() : undefined;
    const result = await performScenario(scenario, this.#options, async () => {
      const given = this.#demand(scenario);
      const variant = lifeOf(scenario);
      running = isShared ? await this.#sharedLife(variant, given) : await this.#life(variant, given);
      const seen = this.#observations;
      const stage = new ResponderStage(this.#options, this.#count, running, given.launch, seen);
      return { stage, run: () => scenario.run(stage) };
    });
    release?.();
    if (running === undefined) return result;
    return isShared
      ? this.#afterShared(scenario, result, running)
      : this.#afterOwn(scenario, result, running);
  }

  /** A shared agent that died, or serves nobody any more, may have taken others along: all of them are tried again alone. */
  async #afterShared(
    { id }: ResponderScenario,
    result: ScenarioResult,
    running: RunningResponder,
  ): Promise<ScenarioResult> {
    const { subject, tap } = running;
    const isDead =
      subject.ended !== undefined || (result.status === 'failed' && !(await this.#hears(running)));
    if (!isDead) return result;
    this.#fragile = true;
    this.again.add(id);
    subject.kill();
    await tap.close();
    return result;
  }

  async #afterOwn(
    scenario: ResponderScenario,
    result: ScenarioResult,
    running: RunningResponder,
  ): Promise<ScenarioResult> {
    const { ended } = running.subject;
    const { stderr } = running.subject.output();
    this.again.delete(scenario.id);
    await end(running);
    if (scenario.fresh === true || ended === undefined) return result;
    const words = `the test agent ${ended}: ${stderr.trim().slice(-300)}\n${result.reason ?? ''}`;
    return { ...result, status: 'failed', reason: words.trim() };
  }

  async end(): Promise<void> {
    for (const life of this.#shared.values()) {
      const running = await life.catch(() => undefined);
      if (running !== undefined) await end(running);
    }
    this.#shared.clear();
  }

  /** A process that lives and serves nobody any more is as good as dead: it must not fail the scenarios after it. */
  async #hears({ address }: RunningResponder): Promise<boolean> {
    const stage = new Stage(this.#options, this.#count);
    try {
      const client = await stage.client();
      await client.request(address, { method: 'SendMessage', params: params('are you there?') }).next();
      return true;
    } catch {
      return false;
    } finally {
      await stage.end();
    }
  }

  #busy: Promise<void> = Promise.resolve();

  async #lock(): Promise<() => void> {
    const before = this.#busy;
    let release: () => void = () => undefined;
    this.#busy = new Promise((resolve) => (release = resolve));
    await before;
    return release;
  }

  #demand(scenario: ResponderScenario): Given {
    const given = this.#given;
    if (given === undefined) throw new NotRun('no responder was given');
    const variant = scenario.variant ?? 'plain';
    if (variant !== 'plain' && !given.variants.includes(variant))
      throw new NotRun(`the subject has no variant ${variant}`);
    for (const offer of scenario.offers ?? [])
      if (!given.offers.includes(offer)) throw new NotRun(`the subject does not offer ${offer}`);
    return given;
  }

  /** One that never came to listen stays: starting it again for each scenario would fail each of them slowly. */
  async #sharedLife(variant: ResponderVariant, given: Given): Promise<RunningResponder> {
    const life = this.#shared.get(variant) ?? this.#life(variant, given);
    this.#shared.set(variant, life);
    const running = await life;
    if (running.subject.ended === undefined) return running;
    if (this.#shared.get(variant) === life) this.#shared.delete(variant);
    return this.#sharedLife(variant, given);
  }

  async #life(variant: ResponderVariant, { launch }: Given): Promise<RunningResponder> {
    const stage = new Stage(this.#options, this.#count);
    try {
      return await startResponder(stage, launch, { variant });
    } catch (error) {
      if (error instanceof ConformanceError) throw error;
      throw new ConformanceError('subject-not-ready', (error as Error).message, { cause: error });
    } finally {
      await stage.end();
    }
  }
}

/** Pools and bearer tokens need values of their own: those scenarios start what they need, beside a plain agent. */
function lifeOf({ variant = 'plain' }: ResponderScenario): ResponderVariant {
  return variant === 'pool' || variant === 'bearer' ? 'plain' : variant;
}

async function end({ subject, tap }: RunningResponder): Promise<void> {
  subject.kill();
  await subject.exited;
  await tap.close().catch(() => undefined);
}
