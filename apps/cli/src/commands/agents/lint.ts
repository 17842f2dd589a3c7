import { checkCard } from '@shoal/registry-client';
import { nameOf, openRegistry, parseAddress } from '../../connection/registry.ts';
import { printable } from '../../output/printable.ts';
import { implement } from '../../program/leaf.ts';
import type { AgentsLint } from '../../shapes/agents.ts';
import { readJson } from './card-file.ts';

type Checked = AgentsLint['cards'][number];

export const lint = implement<AgentsLint>({
  async run(context, files, flags) {
    const { as } = flags as { readonly as?: string };
    if (files.length > 0) {
      const named = as === undefined ? undefined : parseAddress(as, context.settings);
      const address = { org: 'org', unit: 'unit', agentId: 'agent', ...named };
      const cards: Checked[] = [];
      for (const file of files)
        cards.push({ what: file, ...checkedOf(await readJson(context, file), address) });
      return { cards };
    }
    const registry = await openRegistry(context, await context.connect());
    const cards = registry
      .agents()
      .map((agent) => ({ what: nameOf(agent), ...checkedOf(agent.card, agent.address) }));
    return { cards };
  },
  text({ cards }, style) {
    if (cards.length === 0) return 'no cards\n';
    return cards
      .map(({ what, usable, emqx, findings }) => {
        const word = !usable
          ? style.bad('unusable')
          : findings.length > 0
            ? style.warn('odd     ')
            : style.good('good    ');
        const refused = usable && !emqx ? ', EMQX would drop it' : '';
        const lines = findings.map(({ field, message }) => `          ${printable(`${field} ${message}`)}\n`);
        return `${word}  ${printable(what)}${refused}\n${lines.join('')}`;
      })
      .join('');
  },
  outcome: ({ cards }) => (cards.every(({ usable, emqx }) => usable && emqx) ? 'ok' : 'findings'),
});

function checkedOf(card: unknown, address: Parameters<typeof checkCard>[1]): Omit<Checked, 'what'> {
  const { usable, emqx, findings } = checkCard(card, address);
  return { usable, emqx, findings: findings.map(({ field, message }) => ({ field, message })) };
}
