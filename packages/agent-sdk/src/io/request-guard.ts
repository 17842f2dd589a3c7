import type { InboundMessage, Link, Logger } from '@shoal/mqtt-link';
import type { AgentAddress, JsonRpcError } from '@shoal/protocol';
import { USER_PROPERTIES, bindingError, parseJson, userPropertyValues } from '@shoal/protocol';
import type { ReplyPath } from '../core/decode-request.ts';
import type { JsonRpcId } from '../core/payloads.ts';
import { errorPayload } from '../core/payloads.ts';
import type { Identity } from '../core/identity.ts';
import type {
  GuardedMessage,
  OpenedRequest,
  PayloadProtection,
  ReplySeal,
  TokenValidator,
} from '../core/protection.ts';
import { withFields } from '../core/protection.ts';
import { localError } from '../errors.ts';
import { publishReply } from './publish-reply.ts';
import { tokenAllowed } from './transport-policy.ts';

export interface RequestGuardOptions {
  readonly link: Link;
  readonly address: AgentAddress;
  readonly logger: Logger;
  readonly encryption?: PayloadProtection | undefined;
  readonly auth?: TokenValidator | undefined;
}

/** Stands before a responder: opens what is sealed, checks who asks, takes the token out, and answers those that may not pass. */
export class RequestGuard {
  readonly #options: RequestGuardOptions;
  #last: Promise<unknown> = Promise.resolve();

  /** Throws A2aError `insecure-transport` when tokens would have come over a connection that others can read. */
  constructor(options: RequestGuardOptions) {
    const { auth, link } = options;
    if (auth !== undefined && !tokenAllowed(link.transport, auth.allowLoopback)) {
      throw localError(
        'insecure-transport',
        `this agent wants access tokens, and its connection to the broker is ${link.transport}; use mqtts:// or wss:// with a verified certificate`,
      );
    }
    this.#options = options;
  }

  /** Checks several at once and passes them on in the order in which they came. */
  receive(
    message: InboundMessage,
    pass: (message: GuardedMessage) => void | Promise<void>,
    replyProperties?: ReplyPath['userProperties'],
  ): Promise<void> {
    const admitted = this.#admit(message, replyProperties);
    const turn = this.#last.then(() => admitted);
    this.#last = turn;
    return turn.then((guarded) => (guarded === undefined ? undefined : pass(guarded)));
  }

  /** Never rejects. */
  async #admit(
    message: InboundMessage,
    named: ReplyPath['userProperties'],
  ): Promise<GuardedMessage | undefined> {
    try {
      const { encryption, address } = this.#options;
      if (encryption === undefined) return await this.#authorize(message, undefined, named);
      const opened: OpenedRequest = await encryption.openRequest(message, address);
      if (opened.kind === 'opened') return await this.#authorize(opened.message, opened, named);
      if (opened.kind === 'dropped')
        this.#options.logger.warn('request dropped', { topic: message.topic, reason: opened.reason });
      else this.#refuse(message, null, opened.error, { named });
    } catch (error) {
      this.#options.logger.error('a request could not be checked, and was not executed', {
        topic: message.topic,
        error: error instanceof Error ? error.name : 'unknown',
      });
      const unchecked = bindingError('responder_unavailable', 'the request could not be checked');
      this.#refuse(message, null, unchecked, { named });
    }
    return undefined;
  }

  async #authorize(
    message: InboundMessage,
    opened: { readonly agent: AgentAddress; readonly seal: ReplySeal } | undefined,
    named: ReplyPath['userProperties'],
  ): Promise<GuardedMessage | undefined> {
    const { auth } = this.#options;
    const values = userPropertyValues(message.userProperties, USER_PROPERTIES.authorization);
    const checked = auth === undefined ? undefined : await auth.validate(values);
    if (checked !== undefined && 'error' in checked) {
      this.#refuse(message, idOf(message), checked.error, { named, seal: opened?.seal });
      return undefined;
    }
    const identity: Identity = {
      ...(opened === undefined ? {} : { agent: opened.agent }),
      ...(checked === undefined ? {} : { token: checked.token }),
    };
    return withFields(message, {
      userProperties: withoutToken(message),
      identity,
      ...(opened === undefined ? {} : { seal: opened.seal }),
    });
  }

  #refuse(
    message: InboundMessage,
    id: JsonRpcId,
    error: JsonRpcError,
    { named, seal }: { readonly named: ReplyPath['userProperties']; readonly seal?: ReplySeal | undefined },
  ): void {
    const { link, logger } = this.#options;
    const { topic, responseTopic = '', correlationData } = message;
    logger.warn('request refused', { topic, reason: `${error.code} ${error.message}` });
    if (responseTopic === '' || /[+#\0]/.test(responseTopic) || correlationData === undefined) return;
    const path = {
      responseTopic,
      correlationData,
      ...(seal === undefined ? {} : { seal }),
      ...(named === undefined ? {} : { userProperties: named }),
    };
    publishReply(link, path, errorPayload(id, error)).catch((cause: unknown) =>
      logger.warn('a refusal could not be published', { error: String(cause) }),
    );
  }
}

/** What comes after the guard never sees a token, so it can neither log nor echo one. */
function withoutToken({ userProperties }: InboundMessage): InboundMessage['userProperties'] {
  return Object.fromEntries(
    Object.entries(userProperties).filter(([name]) => name.toLowerCase() !== USER_PROPERTIES.authorization),
  );
}

function idOf(message: InboundMessage): JsonRpcId {
  const json = parseJson(message.payload);
  if (!json.ok || typeof json.value !== 'object' || json.value === null) return null;
  const { id } = json.value as { readonly id?: unknown };
  return typeof id === 'string' || typeof id === 'number' ? id : null;
}
