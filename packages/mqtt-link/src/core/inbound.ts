import type { InboundMessage, Qos, UserProperties } from '../link.ts';
import { Buffer, isUtf8 } from './bytes.ts';
import { asBuffer } from './encode.ts';
import { LinkError } from './link-error.ts';

/** The fields of a PUBLISH as the parser hands them over. */
export interface PublishFields {
  readonly topic: string;
  readonly payload: Uint8Array | string;
  readonly qos: Qos;
  readonly retain: boolean;
  readonly dup: boolean;
  readonly messageId?: number | undefined;
  readonly properties?:
    | {
        readonly responseTopic?: string;
        readonly correlationData?: Uint8Array;
        readonly contentType?: string;
        readonly messageExpiryInterval?: number;
        readonly userProperties?: UserProperties;
        readonly subscriptionIdentifier?: number | readonly number[];
      }
    | undefined;
}

const NO_PROPERTIES: UserProperties = Object.freeze({});

/** One class for all messages, so that the fields that are unset cost nothing and `text` is shared. */
export class Inbound implements InboundMessage {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: Qos;
  readonly retain: boolean;
  readonly duplicate: boolean;
  readonly userProperties: UserProperties;
  readonly receivedAtMs: number;
  declare readonly responseTopic?: string;
  declare readonly correlationData?: Uint8Array;
  declare readonly contentType?: string;
  declare readonly messageExpirySeconds?: number;

  constructor(fields: PublishFields, receivedAtMs: number) {
    this.topic = fields.topic;
    this.payload = typeof fields.payload === 'string' ? Buffer.from(fields.payload) : fields.payload;
    this.qos = fields.qos;
    this.retain = fields.retain;
    this.duplicate = fields.dup;
    this.receivedAtMs = receivedAtMs;
    const { properties } = fields;
    this.userProperties = properties?.userProperties ?? NO_PROPERTIES;
    if (properties === undefined) return;
    if (properties.responseTopic !== undefined) this.responseTopic = properties.responseTopic;
    if (properties.correlationData !== undefined) this.correlationData = properties.correlationData;
    if (properties.contentType !== undefined) this.contentType = properties.contentType;
    if (properties.messageExpiryInterval !== undefined) {
      this.messageExpirySeconds = properties.messageExpiryInterval;
    }
  }

  text(): string {
    if (!isUtf8(this.payload)) {
      throw new LinkError('payload-not-utf8', `payload of "${this.topic}" is not UTF-8`);
    }
    return asBuffer(this.payload).toString('utf8');
  }
}
