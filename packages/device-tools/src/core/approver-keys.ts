import type { ApproverKeys } from '@shoal/protocol/signing';
import { DeviceToolError } from './errors.ts';

const ASYMMETRIC = new Set(['EC', 'OKP', 'RSA']);

/**
 * A key that cannot be used would only show when somebody approves, in an emergency. Throws DeviceToolError `invalid-approver-keys` for one
 * without a `kid`, one that is private or shared, and a name without keys.
 */
export function assertApproverKeys(keys: ApproverKeys): void {
  for (const [by, list] of Object.entries(keys)) {
    const wrong = (what: string): never => {
      throw new DeviceToolError('invalid-approver-keys', `approverKeys.${by}${what}`);
    };
    if (list.length === 0) wrong(' has no key: leave the name out, or give one');
    for (const [index, { kty, kid, d }] of list.entries()) {
      if (typeof kid !== 'string' || kid === '') wrong(`[${index}] has no kid`);
      if (kty === undefined || !ASYMMETRIC.has(kty)) wrong(`[${index}].kty must be EC, OKP or RSA`);
      if (d !== undefined) wrong(`[${index}] is a private key: a device needs the public one`);
      if (list.findIndex((other) => other.kid === kid) !== index) wrong(`[${index}].kid is there twice`);
    }
  }
}
