const HIDDEN = '[redacted]';

/** Hides bearer tokens, and the words given as secret, in a text that people will read. */
export function redact(text: string, secrets: readonly string[] = []): string {
  let hidden = text.replace(/\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]+/gi, `$1 ${HIDDEN}`);
  for (const secret of secrets) if (secret !== '') hidden = hidden.replaceAll(secret, HIDDEN);
  return hidden;
}
