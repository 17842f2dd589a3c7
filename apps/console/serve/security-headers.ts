/**
 * What every answer of a server of this console should carry; the README has the same for other web servers. Scripts, styles and workers
 * come from here only, nothing is evaluated from strings, and the page talks to the broker and to nobody else. Without `brokerUrls` the
 * person may type any broker.
 */
export function securityHeaders(brokerUrls: readonly string[]): Readonly<Record<string, string>> {
  const brokers = brokerUrls.length === 0 ? ['ws:', 'wss:'] : brokerUrls.map((url) => new URL(url).origin);
  const policy = [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' blob:",
    "worker-src 'self'",
    `connect-src 'self' ${brokers.join(' ')}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ];
  return {
    'content-security-policy': policy.join('; '),
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'permissions-policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
  };
}
