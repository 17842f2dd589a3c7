/** Who said yes: signatures of tool approvals, with keys that a device knows its approvers by. */
import canonicalize from 'canonicalize';
import type { JWK } from 'jose';
import type { ToolApproval } from '../schemas/records.ts';
import { deviceTopics } from '../shoal-topics.ts';
import {
  holds,
  MAX_SIGNATURES,
  readHeader,
  SIGNATURE_ALGORITHMS,
  signDetached,
  type SignOptions,
} from './detached-jws.ts';

/** `typ` of the protected header. */
export const APPROVAL_SIGNATURE_TYPE = 'shoal-tool-approval';

/** Public keys by the name that stands in `by`. Each has a `kid`. */
export type ApproverKeys = Readonly<Record<string, readonly JWK[]>>;

/** Where the device stands: an approval for a device of the same name elsewhere is another one. */
interface Place {
  readonly org: string;
  readonly unit: string;
}

/**
 * The text that is signed: JCS (RFC 8785) of the topic at which the approval is retained and the approval without its signatures. Throws
 * ProtocolError `invalid-identifier`, and a plain Error for arguments that JSON cannot hold.
 */
export function approvalSigningInput(approval: ToolApproval, { org, unit }: Place): string {
  const { signatures: _signatures, ...unsigned } = approval;
  const { deviceId, approvalId } = approval;
  const topic = deviceTopics({ org, unit, deviceId }).approval(approvalId);
  const json = canonicalize({ topic, approval: unsigned });
  if (json === undefined) throw new Error('the approval is not JSON');
  return json;
}

/** The approval with one signature more. Throws TypeError when `alg` is missing or not one of `SIGNATURE_ALGORITHMS`. */
export async function signApproval(
  approval: ToolApproval,
  place: Place,
  options: SignOptions,
): Promise<ToolApproval> {
  const signature = await signDetached(
    approvalSigningInput(approval, place),
    APPROVAL_SIGNATURE_TYPE,
    options,
  );
  return { ...approval, signatures: [...(approval.signatures ?? []), signature] };
}

/**
 * Why the approval is not the word of whom it names; undefined when one of its signatures holds under a key of `by`. Never throws for what
 * the approval holds.
 */
export async function whyNotSigned(
  approval: ToolApproval,
  place: Place,
  keys: ApproverKeys,
): Promise<string | undefined> {
  const { by, signatures = [] } = approval;
  if (!Object.hasOwn(keys, by)) return `no key of ${by} is known`;
  if (signatures.length === 0) return 'it is not signed';
  let input;
  try {
    input = approvalSigningInput(approval, place);
  } catch {
    return 'it cannot be signed by anybody';
  }
  let problem = `none of its signatures names a key of ${by}`;
  for (const signature of signatures.slice(0, MAX_SIGNATURES)) {
    const header = readHeader(signature, SIGNATURE_ALGORITHMS, APPROVAL_SIGNATURE_TYPE);
    if (typeof header === 'string') {
      problem = `a signature of it is unusable: ${header}`;
      continue;
    }
    const key = keys[by]?.find(({ kid }) => kid === header.kid);
    if (key === undefined) continue;
    if (await holds(input, signature, key, header)) return undefined;
    problem = `it is not what ${by} signed with key ${JSON.stringify(header.kid)}`;
  }
  return problem;
}
