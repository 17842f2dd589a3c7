export { CARD_FORMS, cardSigningInput } from './card-form.ts';
export type { CardForm } from './card-form.ts';
export { CARD_ALGORITHMS, signCard, verifyCard } from './card-signature.ts';
export type {
  CardKeyResolver,
  CardVerification,
  SignCardOptions,
  SignatureHeader,
  SigningKey,
  VerifyCardOptions,
} from './card-signature.ts';
