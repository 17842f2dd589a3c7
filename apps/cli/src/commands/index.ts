import type { Group, Leaf } from '../program/leaf.ts';
import { agents } from './agents/index.ts';
import { devices } from './devices/index.ts';
import { session } from './session/index.ts';
import { workflow } from './workflow/index.ts';

const ask: Leaf = {
  name: 'ask',
  args: '<agent> [text...]',
  summary: 'ask an agent, and show the answer as it comes',
  connects: true,
  shape: 'ask',
  streams: true,
  options: [
    { flags: '--context <id>', description: 'go on in this conversation' },
    { flags: '--task <uuid>', description: 'go on with this task, which asked for more' },
    { flags: '--data <json>', description: 'data to send along, or instead of a text' },
    { flags: '--no-stream', description: 'one answer at the end' },
  ],
  examples: [
    'shoal ask pump-01 "How are you?"',
    'shoal ask acme/plant-1/pump-01 "And since when?" --context 6f…',
    `shoal ask pump-01 --data '{"skill":"status"}' --json | jq .artifacts`,
  ],
  load: async () => (await import('./ask.ts')).ask,
};

const completion: Leaf = {
  name: 'completion',
  args: '<shell>',
  completes: ['bash', 'zsh', 'fish'],
  summary: 'print the completion script for bash, zsh or fish',
  examples: ['eval "$(shoal completion bash)"', 'shoal completion fish | source'],
  load: async () => (await import('./completion.ts')).completion,
};

const completeWords: Leaf = {
  name: '__complete',
  args: '[word...]',
  summary: 'what may stand in the place of the last word',
  hidden: true,
  passThrough: true,
  examples: [],
  load: async () => (await import('./completion.ts')).completeWords,
};

const schema: Leaf = {
  name: 'schema',
  args: '[name]',
  summary: 'print the JSON Schema of what --json prints',
  examples: ['shoal schema', 'shoal schema session.show'],
  load: async () => (await import('./schema.ts')).schema,
};

/** Every command, in the order of the help. */
export const COMMANDS: readonly (Leaf | Group)[] = [
  agents,
  ask,
  workflow,
  session,
  devices,
  schema,
  completion,
  completeWords,
];
