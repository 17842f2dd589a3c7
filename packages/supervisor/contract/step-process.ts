/** The program of an instance in the chaos suite: tells who it is, works for a while, tells that it acted. */
import { consoleLogger } from '@shoal/mqtt-link';
import { defineBlueprint, runSpawned, type StepContext } from '@shoal/workflow';

const LEVEL = process.env['SHOAL_TEST_LOG'] === undefined ? 'error' : 'debug';

async function tell(context: StepContext, word: 'started' | 'acted'): Promise<void> {
  const { link, unit, sessionId, stepId, attempt } = context;
  const text = JSON.stringify({ word, sessionId, stepId, attempt, pid: process.pid });
  await link.publish(`test/${unit}/told`, text, { qos: 1 });
}

async function work(context: StepContext): Promise<{ output: string }> {
  await tell(context, 'started');
  const ms = Number(context.variables['workMs'] ?? 50);
  await new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    context.signal.addEventListener('abort', () => {
      clearTimeout(timer);
      reject(context.signal.reason as Error);
    });
  });
  await tell(context, 'acted');
  return { output: [context.stepId, ...Object.values(context.results).map(String)].join('<') };
}

await runSpawned({
  logger: consoleLogger(LEVEL),
  keepAliveSeconds: 1,
  blueprints: [defineBlueprint({ id: 'work', description: 'Works for a while.', run: work })],
});
