import { IDENTIFIER_PATTERN, isIdentifier } from '@shoal/protocol';

import type { Message } from '../message.ts';
import { Reason } from '../reason-codes.ts';
import { cardProperties, readCard, type Card, type Status } from './card.ts';
import { tryParseDiscoveryTopic } from './discovery-topic.ts';

/** A violation of the card format; the name of the field comes first. */
export interface CardViolation {
  readonly field: string;
  readonly message: string;
}

/** Judges the payload of a card. Returns the first violations; none when it is valid. */
export type CardValidator = (payload: Buffer) => readonly CardViolation[];

export interface RegistryOptions {
  readonly profile: 'shoal' | 'emqx';
  readonly pushPresence: boolean;
  readonly validateCard: CardValidator;
  readonly maxCardBytes: number;
  readonly isConnected: (clientId: string) => boolean;
}

export interface Rejection {
  readonly reasonCode: number;
  readonly reason: string;
  /** EMQX drops without a word: the publisher sees 0x10. */
  readonly silent: boolean;
}

export interface Verdict {
  readonly rejection?: Rejection;
  readonly card?: Card;
}

const NOT_A_CARD: Verdict = {};

/** The A2A registry: which messages may become cards, and which status they are delivered with. */
export interface Registry {
  readonly pushPresence: boolean;
  examine(message: Message, clientId: string): Verdict;
  /** Of a message that was stored as a card before. */
  cardOf(message: Message): Card | undefined;
  status(message: Message): Status | undefined;
  /** Properties of a card as delivered. */
  decorate(message: Message): Buffer;
}

export function createRegistry(options: RegistryOptions): Registry {
  const emqx = options.profile === 'emqx';
  const reject = (reasonCode: number, reason: string): Verdict => ({
    rejection: { reasonCode: emqx ? Reason.noMatchingSubscribers : reasonCode, reason, silent: emqx },
  });

  const examine = (message: Message, clientId: string): Verdict => {
    const address = tryParseDiscoveryTopic(message.topic, options.profile);
    if (address === undefined) return NOT_A_CARD;
    if (!message.retain)
      return reject(Reason.notAuthorized, 'R1 retain: a card must be published with the retain flag');
    for (const [field, value] of Object.entries(address)) {
      if (!isIdentifier(value)) {
        const shown = JSON.stringify(value.slice(0, 100));
        return reject(Reason.notAuthorized, `R2 ${field}: ${shown} does not match ${IDENTIFIER_PATTERN}`);
      }
    }
    if (address.agentId === 'pool' && !emqx) {
      return reject(Reason.notAuthorized, 'R2 agentId: "pool" is reserved for pool topics');
    }
    const owner = `${address.org}/${address.unit}/${address.agentId}`;
    if (clientId !== owner) {
      return reject(
        Reason.notAuthorized,
        `R3 client identifier: must be ${owner} to publish this card, is ${clientId}`,
      );
    }
    if (message.payload.length === 0)
      return emqx ? { card: readCard(owner, message.properties) } : NOT_A_CARD;
    if (message.payload.length > options.maxCardBytes) {
      return reject(
        Reason.quotaExceeded,
        `R6 payload: ${message.payload.length} bytes, the limit for a card is ${options.maxCardBytes}`,
      );
    }
    const violation = options.validateCard(message.payload)[0];
    if (violation !== undefined)
      return reject(
        Reason.payloadFormatInvalid,
        `R5 ${violation.field === '' ? 'payload' : violation.field}: ${violation.message}`,
      );
    return { card: readCard(owner, message.properties) };
  };

  const cardOf = (message: Message): Card | undefined => {
    const address =
      message.payload.length === 0 ? undefined : tryParseDiscoveryTopic(message.topic, options.profile);
    if (address === undefined) return undefined;
    return readCard(`${address.org}/${address.unit}/${address.agentId}`, message.properties);
  };

  const status = (message: Message): Status | undefined => {
    const { card } = message;
    if (card === undefined) return undefined;
    if (card.withdrawn && !emqx) return 'offline';
    return options.isConnected(card.owner) ? 'online' : 'offline';
  };

  const decorate = (message: Message): Buffer => {
    const { card } = message;
    if (card === undefined) return message.properties;
    const source = emqx ? 'emqx' : card.withdrawn ? 'agent' : 'broker';
    return cardProperties(card, status(message) ?? 'offline', source);
  };

  return { pushPresence: options.pushPresence && !emqx, examine, cardOf, status, decorate };
}
