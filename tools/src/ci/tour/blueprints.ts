import { defineBlueprint } from '@shoal/workflow';

/** What the steps of `release.yaml` do: nothing to a machine, so that the tour shows the command line and not a plant. */
export const blueprints = [
  defineBlueprint({
    id: 'inspect',
    description: 'Asks the agent of a device how it is.',
    run: async ({ input, org, unit, requester, progress }) => {
      const agentId = typeof input['device'] === 'string' ? input['device'] : '';
      progress(`asking ${agentId}`);
      const answer = await requester.send({ org, unit, agentId }, { data: { skill: 'status' } });
      const state = 'status' in answer ? answer.status.state : 'answered';
      return { output: { device: agentId, state }, summary: `${agentId} answered` };
    },
  }),
  defineBlueprint({
    id: 'release',
    description: 'Releases a device.',
    run: ({ input }) =>
      Promise.resolve({ output: { released: input['device'] ?? null }, summary: 'the device is released' }),
  }),
];
