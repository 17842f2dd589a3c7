import type { AgentAddress, AgentCard } from '@shoal/protocol';
import type { AgentQuery } from './query.ts';

/** Which agents have a skill, a tag, a place: so that a query looks at those and not at all. Texts without regard to case. */
export class AgentLookup {
  readonly #keys = new Map<string, Set<string>>();

  add(key: string, address: AgentAddress, card: AgentCard): void {
    for (const term of termsOf(address, card)) {
      const keys = this.#keys.get(term);
      if (keys === undefined) this.#keys.set(term, new Set([key]));
      else keys.add(key);
    }
  }

  remove(key: string, address: AgentAddress, card: AgentCard): void {
    for (const term of termsOf(address, card)) {
      const keys = this.#keys.get(term);
      keys?.delete(key);
      if (keys?.size === 0) this.#keys.delete(term);
    }
  }

  /** The fewest agents among which all that match must be; undefined: no condition of the query is looked up. */
  candidates(query: AgentQuery): ReadonlySet<string> | undefined {
    const { org, unit, skill, tag } = query;
    const terms = [
      ...(skill === undefined ? [] : [`s${skill.toLowerCase()}`]),
      ...(tag === undefined ? [] : [`t${tag.toLowerCase()}`]),
      ...(org === undefined ? [] : [`o${org}`]),
      ...(unit === undefined ? [] : [`u${unit}`]),
    ];
    let fewest: ReadonlySet<string> | undefined;
    for (const term of terms) {
      const keys = this.#keys.get(term) ?? NONE;
      if (fewest === undefined || keys.size < fewest.size) fewest = keys;
    }
    return fewest;
  }
}

const NONE: ReadonlySet<string> = new Set();

function termsOf({ org, unit }: AgentAddress, { skills }: AgentCard): Set<string> {
  const terms = new Set([`o${org}`, `u${unit}`]);
  for (const { id, tags } of skills) {
    terms.add(`s${id.toLowerCase()}`);
    for (const tag of tags) terms.add(`t${tag.toLowerCase()}`);
  }
  return terms;
}
