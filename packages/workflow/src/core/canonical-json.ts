/**
 * RFC 8785 for what JSON.parse can yield: keys sorted by UTF-16 code units, no blanks. Members that are undefined are left out,
 * as JSON.stringify does. `textOf`: the canonical text of a value within, where it is known.
 */
export function canonicalJson(value: unknown, textOf?: (value: object) => string | undefined): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value) ?? 'null';
  const known = textOf?.(value);
  if (known !== undefined) return known;
  if (Array.isArray(value)) return `[${value.map((one) => canonicalJson(one, textOf)).join(',')}]`;
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    .map(([key, member]) => `${JSON.stringify(key)}:${canonicalJson(member, textOf)}`);
  return `{${members.join(',')}}`;
}
