import { BlockList, isIP, isIPv4 } from 'node:net';

/** Networks that a URL from outside must not lead to: this machine, the plant's own network, and what is no host at all. */
const REFUSED: readonly (readonly [network: string, prefix: number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
  ['::', 127],
  ['100::', 64],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['fc00::', 7],
  ['fe80::', 10],
  ['ff00::', 8],
];

const refused = new BlockList();
for (const [network, prefix] of REFUSED) {
  refused.addSubnet(network, prefix, isIPv4(network) ? 'ipv4' : 'ipv6');
}

/** A public unicast address. IPv4 inside IPv6 (mapped, or of a NAT64) counts as the IPv4 address. */
export function isPublicAddress(address: string): boolean {
  const bare = address.replace(/%.*$/, '');
  const inner = embeddedIpv4(bare);
  if (inner !== undefined) return isPublicAddress(inner);
  const family = isIP(bare);
  return family !== 0 && !refused.check(bare, family === 4 ? 'ipv4' : 'ipv6');
}

function embeddedIpv4(address: string): string | undefined {
  if (isIP(address) !== 6) return undefined;
  // The URL parser writes every IPv6 address in one way, an embedded IPv4 one as two hexadecimal groups.
  const hostname = new URL(`http://[${address}]/`).hostname.slice(1, -1);
  const match = /^(?:::ffff:|64:ff9b::)([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(hostname);
  if (match === null) return undefined;
  const [high, low] = [match[1], match[2]].map((group) => Number.parseInt(group ?? '', 16));
  return [(high ?? 0) >> 8, (high ?? 0) & 255, (low ?? 0) >> 8, (low ?? 0) & 255].join('.');
}
