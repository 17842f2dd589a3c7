import { IDENTIFIER_PATTERN } from '@shoal/protocol';

import type { Message } from '../message.ts';
import { RateTable } from '../rate-table.ts';
import { Reason } from '../reason-codes.ts';
import { cardProperties, readCard, type Card, type Status } from './card.ts';
import {
  validateAgentCard,
  validateEmqxCard,
  validateJsonObject,
  type CardViolation,
} from './card-validators.ts';
import { tryParseDiscoveryTopic, type NamespacedAddress } from './discovery-topic.ts';
import { profileOf, type EmqxVersion, type RegistryProfile } from './profile.ts';

/** May change while the broker runs; takes effect with the next message. */
export interface RegistrySwitches {
  /** False: discovery topics are topics like any other. */
  enabled: boolean;
  /** False: any JSON object is a card. */
  validateSchema: boolean;
}

export interface RegistryOptions extends Readonly<RegistrySwitches> {
  readonly profile: 'shoal' | 'emqx';
  readonly emqxVersion?: EmqxVersion;
  readonly pushPresence: boolean;
  /** 0: no limit. */
  readonly maxCardBytes: number;
  /** Publishes of one card, 0: no limit. */
  readonly maxCardUpdatesPerMinute: number;
  readonly isConnected: (clientId: string) => boolean;
  /** What the card's signatures and keys lack; undefined when they will do. */
  readonly distrust?: (payload: Buffer) => CardViolation | undefined;
}

export type RuleId = 'R1' | 'R2' | 'R3' | 'R5' | 'R6' | 'R7' | 'R9';

export interface Rejection {
  readonly rule: RuleId;
  readonly reasonCode: number;
  readonly reason: string;
  /** The publisher is not told. */
  readonly silent: boolean;
}

/** A will is judged twice: with its CONNECT, and when it is sent. The second time it is not late for a check of keys, or too often. */
export type Occasion = 'publish' | 'connect' | 'will';

export interface Verdict {
  readonly rejection?: Rejection;
  readonly card?: Card;
}

const NOT_A_CARD: Verdict = {};

const REASON_CODES: Readonly<Record<RuleId, number>> = {
  R1: Reason.notAuthorized,
  R2: Reason.notAuthorized,
  R3: Reason.notAuthorized,
  R5: Reason.payloadFormatInvalid,
  R6: Reason.quotaExceeded,
  R7: Reason.quotaExceeded,
  R9: Reason.notAuthorized,
};

const ownerOf = ({ org, unit, agentId }: NamespacedAddress): string => `${org}/${unit}/${agentId}`;

/** The A2A registry: which messages may become cards, and which status they are delivered with. */
export class Registry {
  readonly profile: RegistryProfile;
  readonly switches: RegistrySwitches;
  /** Rejections so far. */
  readonly rejections: Record<RuleId, number> = { R1: 0, R2: 0, R3: 0, R5: 0, R6: 0, R7: 0, R9: 0 };
  private readonly options: RegistryOptions;
  private readonly updates: RateTable;
  /** Client whose will is being published although it still counts as connected. */
  private leaving: string | undefined;

  constructor(options: RegistryOptions) {
    this.options = options;
    this.profile = profileOf(options.profile, options.emqxVersion);
    this.switches = { enabled: options.enabled, validateSchema: options.validateSchema };
    this.updates = new RateTable(options.maxCardUpdatesPerMinute, 'minute');
  }

  get pushesPresence(): boolean {
    return this.switches.enabled && this.options.pushPresence && !this.profile.silent;
  }

  parseTopic(topic: string): NamespacedAddress | undefined {
    return tryParseDiscoveryTopic(topic, this.profile.knowsNamespaces);
  }

  /** Judges a message of `clientId`. */
  examine(message: Message, clientId: string, occasion: Occasion, now: number): Verdict {
    const address = this.parseTopic(message.topic);
    if (address === undefined) return NOT_A_CARD;
    if (!this.switches.enabled) return { card: readCard(clientId, message.properties) };
    const rejection =
      this.ownershipRejection(message, address, clientId) ??
      (message.payload.length === 0 ? undefined : this.cardRejection(message.payload, occasion !== 'will')) ??
      (occasion === 'publish' ? this.rateRejection(message, now) : undefined);
    if (rejection !== undefined) {
      this.rejections[rejection.rule]++;
      return { rejection };
    }
    // Subscribers on EMQX are told the status with a deletion too.
    if (message.payload.length === 0 && !this.profile.silent) return NOT_A_CARD;
    return { card: readCard(clientId, message.properties) };
  }

  private ownershipRejection(
    message: Message,
    address: NamespacedAddress,
    clientId: string,
  ): Rejection | undefined {
    if (!message.retain) return this.reject('R1', 'retain: a card must be published with the retain flag');
    const badId = this.idRejection(address);
    if (badId !== undefined) return badId;
    const owner = ownerOf(address);
    if (clientId === owner) return undefined;
    return this.reject(
      'R3',
      `client identifier: must be ${owner} to publish this card, is ${clientId.slice(0, 100)}`,
    );
  }

  /** R2, for each identifier in turn. */
  idRejection({ org, unit, agentId }: NamespacedAddress): Rejection | undefined {
    for (const [field, value] of Object.entries({ org, unit, agentId })) {
      if (this.profile.identifier.test(value)) continue;
      return this.reject(
        'R2',
        `${field}: ${JSON.stringify(value.slice(0, 100))} does not match ${IDENTIFIER_PATTERN}`,
      );
    }
    if (agentId !== 'pool' || !this.profile.reservesPool) return undefined;
    return this.reject('R2', 'agentId: "pool" is reserved for pool topics');
  }

  /** R6, R5 and R9 for the payload of a card. */
  cardRejection(payload: Buffer, checkTrust: boolean): Rejection | undefined {
    const { maxCardBytes, distrust } = this.options;
    if (maxCardBytes !== 0 && payload.length > maxCardBytes) {
      return this.reject('R6', `payload: ${payload.length} bytes, the limit for a card is ${maxCardBytes}`);
    }
    const violation = this.schemaViolation(payload);
    if (violation !== undefined) {
      return this.reject(
        'R5',
        `${violation.field === '' ? 'payload' : violation.field}: ${violation.message}`,
      );
    }
    const doubt = checkTrust ? distrust?.(payload) : undefined;
    return doubt === undefined ? undefined : this.reject('R9', `${doubt.field}: ${doubt.message}`);
  }

  private schemaViolation(payload: Buffer): CardViolation | undefined {
    if (!this.switches.validateSchema) return validateJsonObject(payload)[0];
    return (this.profile.name === 'emqx' ? validateEmqxCard : validateAgentCard)(payload)[0];
  }

  private rateRejection({ topic, payload }: Message, now: number): Rejection | undefined {
    if (payload.length === 0 || this.updates.tryTake(topic, now)) return undefined;
    const { maxCardUpdatesPerMinute: most } = this.options;
    return this.reject('R7', `card: more than ${most} updates per minute, wait a little`);
  }

  private reject(rule: RuleId, why: string): Rejection {
    const { silent } = this.profile;
    const reasonCode = silent ? Reason.noMatchingSubscribers : REASON_CODES[rule];
    return { rule, reasonCode, reason: `${rule} ${why}`, silent };
  }

  /** Of a message that was stored before. */
  cardOf(message: Message): Card | undefined {
    if (message.payload.length === 0 || this.parseTopic(message.topic) === undefined) return undefined;
    return readCard(message.publisher, message.properties);
  }

  status(message: Message): Status | undefined {
    const { card } = message;
    if (card === undefined || !this.switches.enabled) return undefined;
    if (card.withdrawn && this.profile.honoursGoodbye) return 'offline';
    return card.owner === this.leaving || this.options.isConnected(card.owner) ? 'online' : 'offline';
  }

  /** Properties of a card as delivered now. */
  decorate(message: Message): Buffer {
    const { card } = message;
    const status = this.status(message);
    if (card === undefined || status === undefined) return message.properties;
    const { source, keepsPublisherStatus, honoursGoodbye } = this.profile;
    const rest = keepsPublisherStatus ? message.properties : card.otherProperties;
    return cardProperties(rest, status, card.withdrawn && honoursGoodbye ? 'agent' : source);
  }

  /** Runs `publish` for a will of this client while it still counts as connected, where the profile has it so. */
  whileLeaving(clientId: string, publish: () => void): void {
    this.leaving = this.profile.willBeforeGone ? clientId : undefined;
    publish();
    this.leaving = undefined;
  }
}
