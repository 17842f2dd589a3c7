import type { Group } from '../../program/leaf.ts';

export const workflow: Group = {
  name: 'workflow',
  summary: 'workflows: check their files, run them',
  commands: [
    {
      name: 'validate',
      args: '<file...>',
      summary: 'check workflow files',
      shape: 'workflow.validate',
      examples: ['shoal workflow validate workflows/*.yaml'],
      load: async () => (await import('./check.ts')).validate,
    },
    {
      name: 'plan',
      args: '<file>',
      summary: 'print the graph of a workflow file',
      shape: 'workflow.plan',
      options: [{ flags: '--mermaid', description: 'as a Mermaid flowchart' }],
      examples: [
        'shoal workflow plan workflows/repair.yaml',
        'shoal workflow plan workflows/repair.yaml --mermaid',
      ],
      load: async () => (await import('./check.ts')).plan,
    },
    {
      name: 'run',
      args: '<workflow> [text...]',
      summary: 'ask for a run and follow it to its end',
      connects: true,
      shape: 'workflow.run',
      streams: true,
      options: [
        { flags: '--input <json>', description: 'its variables, as a JSON object' },
        { flags: '--var <name=value>', description: 'one variable; may be repeated', repeat: true },
        { flags: '--session-id <uuid>', description: 'of the session; the same id again is the same run' },
        { flags: '--no-wait', description: 'end when the run is accepted' },
      ],
      examples: [
        'shoal workflow run predictive-maintenance --var deviceId=pump-01',
        'shoal workflow run report --no-wait --json | jq -r .sessionId',
      ],
      load: async () => (await import('./run.ts')).runWorkflow,
    },
    {
      name: 'list',
      summary: 'list the workflows that supervisors answer for',
      connects: true,
      shape: 'workflow.list',
      examples: ['shoal workflow list'],
      load: async () => (await import('./list.ts')).list,
    },
  ],
};
