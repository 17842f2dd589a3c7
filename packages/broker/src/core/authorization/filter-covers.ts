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
