/** Why a call is refused. Nothing was done then, and nothing will be. Pure. */
import type { RiskClass } from './risk.ts';

/** Every code, with what it means. The README table is checked against this list. */
export const REFUSAL_CODES = {
  'invalid-arguments':
    'an argument is missing, unknown, of the wrong kind or out of its range; the range is named with its unit',
  interlock: 'an interlock blocks; its name and state are named',
  'approval-required':
    'the risk is above the grant, and no approval was named or none is retained under that id',
  'approval-invalid':
    'the retained approval does not cover this call: other tool, arguments or device, denied, expired, not signed',
  'approval-used': 'another call was made under this approval: it approves one',
  'request-conflict': 'the requestId was used for another call',
  'request-settled': 'the requestId was given up before it was done',
  'memory-full': 'the device remembers as many requests as it can, all younger than it promises to remember',
  'unknown-tool': 'the device has no such tool',
} as const;

export type RefusalCode = keyof typeof REFUSAL_CODES;

export interface Refusal {
  readonly code: RefusalCode;
  readonly message: string;
  /** Of `invalid-arguments`: what would do. */
  readonly argument?: {
    readonly name: string;
    readonly minimum?: number;
    readonly maximum?: number;
    readonly unit?: string;
  };
  /** Of `interlock`. */
  readonly interlock?: { readonly name: string; readonly state: string };
  /** Of `approval-required`: what must be retained at `topic`, less who and when. */
  readonly approval?: {
    readonly topic: string;
    readonly tool: string;
    readonly risk: RiskClass;
    readonly grant: RiskClass;
  };
}
