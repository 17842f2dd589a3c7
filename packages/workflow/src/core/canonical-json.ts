/**
 * RFC 8785 for what JSON.parse can yield: keys sorted by UTF-16 code units, no blanks. Members that are undefined are left out,
 * as JSON.stringify does. `textOf`: the canonical text of a value within, where it is known.
 */
export function canonicalJson(value: unknown, textOf?: (value: object) => string | undefined): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value) ?? 'null';
  const known = textOf?.(value);
  if (known !== undefined) return known;
  if (Array.isArray(value)) return `[${value.map((one) => canonicalJson(one, textOf)).join(',')}]`;
  let members = '';
  for (const key of Object.keys(value).sort()) {
    const member = (value as Record<string, unknown>)[key];
    if (member === undefined) continue;
    members += `${members === '' ? '' : ','}${JSON.stringify(key)}:${canonicalJson(member, textOf)}`;
  }
  return `{${members}}`;
}
