import { optionsOf } from './build.ts';
import { isGroup, type Group, type Leaf, type OptionSpec } from './leaf.ts';

/**
 * What may stand in the place of the last of `words`, the command line behind `shoal`. A file name is the shell's own business: then the
 * answer is empty.
 */
export function complete(nodes: readonly (Leaf | Group)[], words: readonly string[]): readonly string[] {
  const typed = words.at(-1) ?? '';
  const before = words.slice(0, -1);
  const starts = (candidates: readonly string[]): readonly string[] =>
    candidates.filter((candidate) => candidate.startsWith(typed));
  const [first, second] = before;
  if (first === undefined) return starts([...visible(nodes).map(({ name }) => name), '--help', '--version']);
  const node = nodes.find(({ name }) => name === first);
  if (node === undefined) return [];
  if (isGroup(node) && second === undefined)
    return starts([...visible(node.commands).map(({ name }) => name), '--help']);
  const leaf = isGroup(node) ? node.commands.find(({ name }) => name === second) : node;
  if (leaf === undefined) return [];
  const options = optionsOf(leaf);
  const previous = before.at(-1) ?? '';
  const wanted = options.find((option) => flagsOf(option).includes(previous) && option.flags.includes('<'));
  if (wanted !== undefined) return starts(wanted.choices ?? wanted.suggestions ?? []);
  if (typed.startsWith('-')) return starts([...options.flatMap(flagsOf), '--help']);
  return starts(leaf.completes ?? []);
}

function visible<N extends Leaf | Group>(nodes: readonly N[]): readonly N[] {
  return nodes.filter((node) => isGroup(node) || node.hidden !== true);
}

/** `-b, --broker <url>`: the names. */
function flagsOf({ flags }: OptionSpec): readonly string[] {
  return flags.split(/[ ,|]+/).filter((word) => word.startsWith('-'));
}
