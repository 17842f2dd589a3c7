/** Takes secrets out of a text. */
export type Redactor = (text: string) => string;

export const REDACTED = '[redacted]';
export const SHORTEST_SECRET = 8;

/** What looks like a key, whoever it belongs to. */
const KEY_FORMS = [
  /\b(?:sk|pk|rk|gsk|xai|key)[-_][A-Za-z0-9_-]{16,}/g,
  /\bBearer\s+[A-Za-z0-9._~+/-]{8,}=*/gi,
  /\bAIza[A-Za-z0-9_-]{30,}/g,
  /\beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]*/g,
];

/** The secrets themselves, as they are and as they stand in URLs, in JSON and in Base64, and what looks like a key. */
export function createRedactor(secrets: readonly string[]): Redactor {
  const forms = new Set(
    secrets
      .filter((secret) => secret.length >= SHORTEST_SECRET)
      .flatMap((secret) => [
        secret,
        encodeURIComponent(secret),
        JSON.stringify(secret).slice(1, -1),
        Buffer.from(secret).toString('base64').replace(/=+$/, ''),
        Buffer.from(secret).toString('base64url'),
        Buffer.from(secret).toString('hex'),
      ]),
  );
  const longestFirst = [...forms].sort((a, b) => b.length - a.length);
  return (text) => {
    let clean = text;
    for (const form of longestFirst) clean = clean.replaceAll(form, REDACTED);
    for (const form of KEY_FORMS) clean = clean.replace(form, REDACTED);
    return clean;
  };
}

/** The same for every string of a JSON value, names of members included. */
export function redactJson(value: unknown, redact: Redactor): unknown {
  if (typeof value === 'string') return redact(value);
  if (Array.isArray(value)) return value.map((entry) => redactJson(entry, redact));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, entry]) => [redact(name), redactJson(entry, redact)]),
  );
}
