/** The workflow: its graph, the code of its steps, and the supervisor that runs it. */
import { createSupervisor, inProcessSpawner } from '@shoal/supervisor';
import { StepError, defineBlueprint, parseWorkflow } from '@shoal/workflow';

const definition = `
id: __name__
description: Measures twice at once and reports the difference.
variables:
  low: { type: number, default: 0 }
  high: { type: number, default: 10 }
steps:
  - { id: first, use: { blueprint: measure }, with: { at: "\${ variables.low }" } }
  - { id: second, use: { blueprint: measure }, with: { at: "\${ variables.high }" } }
  - id: report
    use: { blueprint: report }
    needs: [first, second]
`;

/** What a step needs is in its input; what it returns as output, later steps read. A crash here is tried again elsewhere. */
const measure = defineBlueprint({
  id: 'measure',
  description: 'Measures at one place.',
  run: ({ input }) => {
    const at = input['at'];
    if (typeof at !== 'number')
      throw new StepError('INPUT_INVALID', 'input.at must be a number', { retryable: false });
    return Promise.resolve({ output: { value: at * 2 }, summary: `measured ${at * 2}` });
  },
});

const report = defineBlueprint({
  id: 'report',
  description: 'Reports the difference.',
  run: ({ results }) => {
    const [first, second] = [results['first'], results['second']] as { value: number }[];
    return Promise.resolve({ output: { difference: second!.value - first!.value } });
  },
});

export interface Running {
  readonly stop: () => Promise<void>;
}

export async function start(url: string): Promise<Running> {
  const spawner = inProcessSpawner({ url, blueprints: [measure, report] });
  const supervisor = createSupervisor({
    url,
    org: '__org__',
    unit: '__unit__',
    workflows: [parseWorkflow(definition)],
    spawner,
  });
  await supervisor.start();
  return {
    async stop() {
      await supervisor.stop();
      await spawner.stop();
    },
  };
}
