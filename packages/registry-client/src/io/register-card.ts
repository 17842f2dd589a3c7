import type { InboundMessage, Link, PublishAck } from '@shoal/mqtt-link';
import { isLinkError, readRetained } from '@shoal/mqtt-link';
import type { AgentAddress, AgentCard } from '@shoal/protocol';
import { USER_PROPERTIES, clientIdOf, discoveryTopic, parseClientId, userProperty } from '@shoal/protocol';
import { checkCard, describeFindings } from '../core/lint-card.ts';
import { RegistryError } from '../registry-error.ts';

export interface RegisterOptions {
  /** Default: the link's client id. */
  readonly address?: AgentAddress;
  /** What the card says about its agent. Default `online`. */
  readonly status?: 'online' | 'offline';
  /** Seconds until the broker forgets the card. Unset: never. */
  readonly messageExpirySeconds?: number;
  /** Longest wait for the broker to show the card. Default 5 000. */
  readonly timeoutMs?: number;
}

/** User property that tells our own card from another copy of it. */
const REGISTRATION = 'a2a-registration';

/**
 * Publishes a card and makes sure that the broker took it: subscribes to the own card first, sees it come back, and reads it as a late
 * subscriber would. EMQX acknowledges a card that it drops like one that nobody watches, so nothing less tells.
 * Rejects with RegistryError `invalid-card`, `registration-refused`, `registration-not-stored`.
 */
export async function registerCard(
  link: Link,
  card: AgentCard,
  options: RegisterOptions = {},
): Promise<void> {
  const { timeoutMs = 5_000, status = 'online', messageExpirySeconds } = options;
  const address = addressOf(link, options.address);
  const checked = checkCard(card, address);
  if (!checked.usable) throw new RegistryError('invalid-card', `card: ${describeFindings(checked.findings)}`);
  const topic = discoveryTopic(address);
  const nonce = crypto.randomUUID();
  const echo = await watchFor(link, topic, nonce);
  try {
    const ack = await publish(link, topic, JSON.stringify(card), {
      messageExpirySeconds,
      userProperties: {
        [USER_PROPERTIES.status]: status,
        [USER_PROPERTIES.statusSource]: 'agent',
        [REGISTRATION]: nonce,
      },
    });
    if (!(await echo.within(timeoutMs))) throw droppedError(address, link, checked, ack);
    const kept = await readRetained(link, topic, { timeoutMs, settleMs: 100 });
    if (kept.get(topic) !== undefined && isOurs(kept.get(topic)!, nonce)) return;
    throw new RegistryError(
      'registration-not-stored',
      'the broker passed the card on and did not keep it: its retained store is full, too slow, or limits the size of a message',
    );
  } finally {
    await echo.close();
  }
}

/** Deletes the own card, and makes sure that it is gone. Over MQTT only the agent itself may; see `createEmqxApi` for others. */
export async function unregisterCard(
  link: Link,
  options: { readonly address?: AgentAddress; readonly timeoutMs?: number } = {},
): Promise<void> {
  const { timeoutMs = 5_000 } = options;
  const address = addressOf(link, options.address);
  const topic = discoveryTopic(address);
  await publish(link, topic, '', {});
  const left = await readRetained(link, topic, { timeoutMs, settleMs: 100 });
  if (left.size === 0) return;
  throw new RegistryError(
    'registration-refused',
    `the broker still holds the card of ${clientIdOf(address)}`,
  );
}

function addressOf(link: Link, given: AgentAddress | undefined): AgentAddress {
  const own = parseClientId(link.clientId);
  const address = given ?? own;
  if (address === undefined) {
    const message = `the client id "${link.clientId}" is not org/unit/agentId: open the link with the agent's address as its client id`;
    throw new RegistryError('not-owner', message);
  }
  return address;
}

interface Echo {
  within(timeoutMs: number): Promise<boolean>;
  close(): Promise<void>;
}

async function watchFor(link: Link, topic: string, nonce: string): Promise<Echo> {
  let seen: () => void = () => undefined;
  const echo = new Promise<true>((resolve) => {
    seen = () => resolve(true);
  });
  // Without No Local: it is our own message that is awaited.
  const onMessage = (message: InboundMessage): void => {
    if (isOurs(message, nonce)) seen();
  };
  const subscription = await link.subscribe(topic, onMessage, { qos: 1, retainHandling: 2 });
  return {
    async within(timeoutMs) {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const late = new Promise<false>((resolve) => {
        timer = setTimeout(() => resolve(false), timeoutMs);
      });
      const inTime = await Promise.race([echo, late]);
      clearTimeout(timer);
      return inTime;
    },
    close: () => subscription.close(),
  };
}

async function publish(
  link: Link,
  topic: string,
  payload: string,
  options: {
    readonly userProperties?: Readonly<Record<string, string>>;
    readonly messageExpirySeconds?: number | undefined;
  },
): Promise<PublishAck> {
  const { userProperties, messageExpirySeconds } = options;
  try {
    return await link.publish(topic, payload, {
      qos: 1,
      retain: true,
      contentType: 'application/json',
      payloadIsUtf8: true,
      ...(userProperties === undefined ? {} : { userProperties }),
      ...(messageExpirySeconds === undefined ? {} : { messageExpirySeconds }),
    });
  } catch (cause) {
    if (!isLinkError(cause, 'publish-refused')) throw cause;
    const why = cause.reasonString ?? cause.message;
    throw new RegistryError('registration-refused', `the broker refused the card: ${why}`, {
      cause,
      ...(cause.reasonCode === undefined ? {} : { status: cause.reasonCode }),
    });
  }
}

/** A broker that says nothing leaves the reasons to be guessed; these are the likely ones. */
function droppedError(
  address: AgentAddress,
  link: Link,
  checked: ReturnType<typeof checkCard>,
  ack: PublishAck,
): RegistryError {
  const owner = clientIdOf(address);
  const reasons = [
    ...(link.clientId === owner ? [] : [`the client id must be ${owner}, is ${link.clientId}`]),
    ...(checked.emqx ? [] : [describeFindings(checked.findings)]),
  ];
  const why =
    reasons.length === 0 ? 'it may refuse the card or hide the topic from this client' : reasons.join('; ');
  return new RegistryError('registration-refused', `the broker dropped the card without a word: ${why}`, {
    status: ack.reasonCode,
  });
}

function isOurs(message: InboundMessage, nonce: string): boolean {
  return userProperty(message.userProperties, REGISTRATION) === nonce;
}
