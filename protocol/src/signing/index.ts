export { CARD_FORMS, cardSigningInput } from './card-form.ts';
export type { CardForm } from './card-form.ts';
export {
  APPROVAL_SIGNATURE_TYPE,
  approvalSigningInput,
  signApproval,
  whyNotSigned,
} from './approval-signature.ts';
export type { ApproverKeys } from './approval-signature.ts';
export { CARD_ALGORITHMS, signCard, verifyCard } from './card-signature.ts';
export type {
  CardKeyResolver,
  CardVerification,
  SignCardOptions,
  VerifyCardOptions,
} from './card-signature.ts';
export type { SignatureHeader, SigningKey, SignOptions } from './detached-jws.ts';
