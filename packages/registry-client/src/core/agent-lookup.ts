import type { AgentAddress, AgentCard } from '@shoal/protocol';
import type { AgentQuery } from './query.ts';

/** Whether a query has a condition that is looked up. */
export const narrows = ({ org, unit, skill, tag }: AgentQuery): boolean =>
  org !== undefined || unit !== undefined || skill !== undefined || tag !== undefined;

/** Keys of agents by what they have. */
type Keys = Map<string, Set<string>>;

/** Which agents have a skill, a tag, a place: so that a query looks at those and not at all. Texts without regard to case. */
export class AgentLookup {
  readonly #orgs: Keys = new Map();
  readonly #units: Keys = new Map();
  readonly #skills: Keys = new Map();
  readonly #tags: Keys = new Map();

  add(key: string, address: AgentAddress, card: AgentCard): void {
    this.#each(address, card, (keys, term) => {
      const known = keys.get(term);
      if (known === undefined) keys.set(term, new Set([key]));
      else known.add(key);
    });
  }

  remove(key: string, address: AgentAddress, card: AgentCard): void {
    this.#each(address, card, (keys, term) => {
      const known = keys.get(term);
      known?.delete(key);
      if (known?.size === 0) keys.delete(term);
    });
  }

  /** The fewest agents among which all that match must be; undefined: no condition of the query is looked up. */
  candidates({ org, unit, skill, tag }: AgentQuery): ReadonlySet<string> | undefined {
    let fewest: ReadonlySet<string> | undefined;
    const narrow = (keys: Keys, term: string | undefined): void => {
      if (term === undefined) return;
      const found = keys.get(term) ?? NONE;
      if (fewest === undefined || found.size < fewest.size) fewest = found;
    };
    narrow(this.#skills, skill?.toLowerCase());
    narrow(this.#tags, tag?.toLowerCase());
    narrow(this.#orgs, org);
    narrow(this.#units, unit);
    return fewest;
  }

  /** Some more than once, when skills share them. */
  #each({ org, unit }: AgentAddress, { skills }: AgentCard, visit: (keys: Keys, term: string) => void): void {
    visit(this.#orgs, org);
    visit(this.#units, unit);
    for (const { id, tags } of skills) {
      visit(this.#skills, id.toLowerCase());
      for (const tag of tags) visit(this.#tags, tag.toLowerCase());
    }
  }
}

const NONE: ReadonlySet<string> = new Set();
