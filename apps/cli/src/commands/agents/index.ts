import type { Group, OptionSpec } from '../../program/leaf.ts';
import { COLLECT_OPTIONS } from '../collect-options.ts';

const API: OptionSpec = {
  flags: '--api <url>',
  description:
    'management API of the broker (SHOAL_API_URL, SHOAL_API_KEY, SHOAL_API_SECRET) instead of MQTT',
};
const FORCE: OptionSpec = {
  flags: '--force',
  description: 'even if the agent is connected and loses its connection by it',
};

export const agents: Group = {
  name: 'agents',
  summary: 'the registry: Agent Cards and who is there',
  commands: [
    {
      name: 'list',
      summary: 'list the registered agents',
      connects: true,
      shape: 'agents.list',
      options: [
        {
          flags: '--presence <state>',
          description: 'only in this state; may be repeated',
          repeat: true,
          choices: ['online', 'suspect', 'asleep', 'offline', 'unknown'],
        },
        { flags: '--skill <id>', description: 'only with this skill' },
        { flags: '--tag <tag>', description: 'only with a skill that has this tag' },
        { flags: '--text <words>', description: 'only with these words in id, name, description or skills' },
      ],
      examples: [
        'shoal agents list --unit plant-1',
        'shoal agents list --presence offline --json | jq .agents',
      ],
      load: async () => (await import('./list.ts')).list,
    },
    {
      name: 'get',
      args: '<agent>',
      summary: 'show one agent: its card, presence and findings',
      connects: true,
      shape: 'agents.get',
      examples: ['shoal agents get acme/plant-1/pump-01', 'shoal agents get pump-01 --json | jq .card'],
      load: async () => (await import('./get.ts')).get,
    },
    {
      name: 'watch',
      summary: 'tell who comes, goes and changes, until Ctrl-C',
      connects: true,
      shape: 'agents.watch',
      streams: true,
      untilStopped: true,
      options: COLLECT_OPTIONS,
      examples: ['shoal agents watch', 'shoal agents watch --for 60 --json'],
      load: async () => (await import('./watch.ts')).watch,
    },
    {
      name: 'register',
      args: '<agent> <file>',
      summary: 'write the card in a file ("-" for standard input)',
      connects: true,
      shape: 'agents.change',
      options: [
        API,
        FORCE,
        {
          flags: '--status <status>',
          description: 'what the card says, default offline',
          choices: ['online', 'offline'],
        },
        { flags: '--expires <seconds>', description: 'when the broker forgets it; default never' },
      ],
      examples: ['shoal agents register acme/plant-1/pump-01 card.json'],
      load: async () => (await import('./change.ts')).register,
    },
    {
      name: 'delete',
      args: '<agent>',
      summary: 'delete the card of an agent',
      connects: true,
      shape: 'agents.change',
      options: [API, FORCE],
      examples: [
        'shoal agents delete acme/plant-1/pump-01',
        'shoal agents delete pump-01 --api http://127.0.0.1:18083',
      ],
      load: async () => (await import('./change.ts')).remove,
    },
    {
      name: 'stats',
      summary: 'count agents by state, unit and skill',
      connects: true,
      shape: 'agents.stats',
      examples: ['shoal agents stats --org acme'],
      load: async () => (await import('./stats.ts')).stats,
    },
    {
      name: 'lint',
      args: '[file...]',
      summary: 'check cards: in files, or without any, all that are registered',
      connects: true,
      shape: 'agents.lint',
      options: [{ flags: '--as <agent>', description: 'whose card the files hold' }],
      examples: ['shoal agents lint', 'shoal agents lint card.json --as acme/plant-1/pump-01'],
      load: async () => (await import('./lint.ts')).lint,
    },
  ],
};
