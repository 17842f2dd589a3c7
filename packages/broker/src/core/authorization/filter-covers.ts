/**
 * True when every topic that `wanted` matches is matched by `rule`. A topic name is a filter without wildcards, so this decides for
 * publishing too. Wildcards in the first level of a rule do not reach topics that begin with `$` (MQTT 5 §4.7.2).
 */
export function filterCovers(rule: string, wanted: string): boolean {
  const allowed = rule.split('/');
  const asked = wanted.split('/');
  const first = allowed[0];
  if ((first === '#' || first === '+') && wanted.startsWith('$')) return false;
  for (const [i, level] of allowed.entries()) {
    // Also when nothing is left to match: `a/#` matches `a`.
    if (level === '#') return true;
    const other = asked[i];
    if (other === undefined || other === '#') return false;
    if (level !== '+' && level !== other) return false;
  }
  return asked.length === allowed.length;
}

/** True when some topic is matched by both: what a deny rule needs, since it must not be gone around by a wider filter. */
export function filtersOverlap(a: string, b: string): boolean {
  const left = a.split('/');
  const right = b.split('/');
  if (wildcardFirst(left) !== wildcardFirst(right) && (a.startsWith('$') || b.startsWith('$'))) return false;
  for (let i = 0; ; i++) {
    const x = left[i];
    const y = right[i];
    if (x === '#' || y === '#') return true;
    if (x === undefined || y === undefined) {
      return (x === undefined && y === undefined) || left[i] === '#' || right[i] === '#';
    }
    if (x !== '+' && y !== '+' && x !== y) return false;
  }
}

const wildcardFirst = (levels: readonly string[]): boolean => levels[0] === '#' || levels[0] === '+';
