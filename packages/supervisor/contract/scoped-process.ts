/** The program of an instance that tries what is none of its business, and says what came of it and what it was given. */
import { isLinkError } from '@shoal/mqtt-link';
import { defineBlueprint, runSpawned, type Json, type StepContext } from '@shoal/workflow';

async function refusalOf(attempt: Promise<unknown>): Promise<number | 'allowed'> {
  try {
    await attempt;
    return 'allowed';
  } catch (error) {
    if (isLinkError(error, 'publish-refused') || isLinkError(error, 'subscribe-refused'))
      return (error as { reasonCode?: number }).reasonCode ?? 0;
    throw error;
  }
}

async function trespass({ link, org, unit, sessionId }: StepContext): Promise<{ output: Json }> {
  const tree = `shoal/v1/${org}/${unit}`;
  const refused: Record<string, number | 'allowed'> = {};
  for (const topic of [
    `${tree}/session/3f0c2f7e-7a63-4a0b-9d0e-5a8f4f1f2a01/outcome`,
    `${tree}/agent/pump/desired`,
    `${tree}/spawn`,
    `shoal/v1/${org}/other/session/${sessionId}/outcome`,
    `$a2a/v1/discovery/${org}/${unit}/flow`,
  ])
    refused[topic] = await refusalOf(link.publish(topic, '{}', { retain: true }));
  for (const filter of [`${tree}/session/#`, `$a2a/v1/request/${org}/${unit}/+`, '#'])
    refused[filter] = await refusalOf(link.subscribe(filter, () => undefined));
  return { output: { refused, env: { ...process.env } as Record<string, string>, argv: process.argv } };
}

await runSpawned({
  blueprints: [defineBlueprint({ id: 'work', description: 'Trespasses.', run: trespass })],
});
