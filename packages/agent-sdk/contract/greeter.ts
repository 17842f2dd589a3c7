/** A program for `agent-program.test.ts`. */
import { createAgent } from '../src/index.ts';
import { runAgentProgram } from '../src/program/index.ts';

await runAgentProgram({
  name: 'greeter',
  summary: 'Greets.',
  flags: {
    words: { value: 'FILE', help: 'JSON with the words' },
    language: { value: 'NAME', help: 'of the greeting' },
  },
  async start(place, flags) {
    const { agentId = 'greeter', ...rest } = place;
    const language = flags.required('language');
    if (language === 'none') throw new Error('no words of this language');
    const words = JSON.stringify(flags.json('words') ?? null);
    const agent = createAgent({
      ...rest,
      agentId,
      card: { name: 'Greeter', description: `${language} ${words} ${place.username} ${place.password}` },
      handle: () => 'hello',
    });
    await agent.start();
    return agent;
  },
});
