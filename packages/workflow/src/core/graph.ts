/** The least that the graph functions need to know of a step. */
export interface GraphStep {
  readonly id: string;
  readonly needs: readonly string[];
}

/** Steps in topological order; among those that are free, the order of the definition. Steps on a cycle are left out. */
export function topologicalOrder<S extends GraphStep>(steps: readonly S[]): readonly S[] {
  const placed = new Set<string>();
  const order: S[] = [];
  const rest = [...steps];
  for (;;) {
    const index = rest.findIndex((step) => step.needs.every((need) => placed.has(need)));
    const [next] = index < 0 ? [] : rest.splice(index, 1);
    if (next === undefined) return order;
    placed.add(next.id);
    order.push(next);
  }
}

/** One cycle as a path that ends where it began (`a`, `b`, `a`), or undefined. Needs that name no step are passed over. */
export function findCycle(steps: readonly GraphStep[]): readonly string[] | undefined {
  const sorted = new Set(topologicalOrder(steps.map((s) => knownNeeds(s, steps))).map((step) => step.id));
  const stuck = new Map(steps.filter((step) => !sorted.has(step.id)).map((step) => [step.id, step]));
  const [start] = stuck.keys();
  if (start === undefined) return undefined;
  const path: string[] = [];
  let current = start;
  while (!path.includes(current)) {
    path.push(current);
    current = stuck.get(current)?.needs.find((need) => stuck.has(need)) ?? current;
  }
  return [...path.slice(path.indexOf(current)), current];
}

function knownNeeds(step: GraphStep, steps: readonly GraphStep[]): GraphStep {
  return { id: step.id, needs: step.needs.filter((need) => steps.some((other) => other.id === need)) };
}

/** Steps that nobody needs, in the given order. */
export function terminalSteps<S extends GraphStep>(steps: readonly S[]): readonly S[] {
  const needed = new Set(steps.flatMap((step) => step.needs));
  return steps.filter((step) => !needed.has(step.id));
}

/** The last terminal step in topological order: the one that closes the session (DESIGN rule 13). */
export function closerOf(steps: readonly GraphStep[]): string | undefined {
  return terminalSteps(topologicalOrder(steps)).at(-1)?.id;
}

/** Every step that `id` waits for, directly or not. */
export function ancestorsOf(id: string, steps: readonly GraphStep[]): ReadonlySet<string> {
  const byId = new Map(steps.map((step) => [step.id, step]));
  const found = new Set<string>();
  const open = [...(byId.get(id)?.needs ?? [])];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (found.has(next)) continue;
    found.add(next);
    open.push(...(byId.get(next)?.needs ?? []));
  }
  return found;
}
