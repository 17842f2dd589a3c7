import type { Admitted, CredentialGrants } from '../../core/session.ts';
import type { Refusal } from '../../core/connect.ts';
import { Reason } from '../../core/reason-codes.ts';
import type { Logger } from '../logger.ts';
import type { ClientCertificate } from '../tls.ts';
import { fitsClientId } from './client-ids.ts';

/** Who wants to connect, before it is let in. */
export interface ConnectRequest {
  /** Empty when the client leaves the choice to the broker. */
  readonly clientId: string;
  readonly username: string | undefined;
  readonly password: Buffer | undefined;
  /** `host:port`, or `in-process`. */
  readonly remote: string;
  /** What the client showed on a TLS listener with `clientCa`, checked against it. */
  readonly certificate: ClientCertificate | undefined;
}

/** What a credential proves. */
export interface Admission {
  /** The name that rules and logs use. Default: the user name of CONNECT. */
  readonly username?: string;
  /**
   * Client ids that the credential may take; one that ends in `*` stands for all with that beginning. Unset: any that is not in the
   * hands of another user.
   */
  readonly clientIds?: readonly string[];
  /** Puts the client below `{namespace}/`: all its topics are there, and it sees nothing else. Default: none. */
  readonly namespace?: string;
  /** Topic filters that the credential itself names, for `authorize` to go by; at most 65,535 bytes as JSON. Default: none. */
  readonly grants?: CredentialGrants;
  /** When the credential ends; the client is disconnected then (0x87). Default: never. */
  readonly expiresAtMs?: number;
}

/** False refuses with 0x86, bad user name or password; a rejection is logged and refuses with 0x88. */
export type Authenticate = (request: ConnectRequest) => boolean | Admission | Promise<boolean | Admission>;

export type Verdict =
  | { readonly admitted: Admitted; readonly refusal?: undefined }
  | { readonly refusal: Refusal };

export interface DoorOptions {
  readonly authenticate: Authenticate | undefined;
  readonly allowAnonymous: boolean;
  readonly logger: Logger;
}

const refuseWith = (reasonCode: number, reason: string): Verdict => ({ refusal: { reasonCode, reason } });

/** They are kept with the client's will. */
const MAX_GRANTS_BYTES = 65_535;
const NAMESPACE = /^[^/+#\0$][^/+#\0]*$/;

function judge(request: ConnectRequest, found: boolean | Admission): Verdict {
  if (found === false) return refuseWith(Reason.badUserNameOrPassword, 'user name or password: not accepted');
  const {
    username = request.username,
    clientIds,
    namespace,
    grants,
    expiresAtMs,
  }: Admission = found === true ? {} : found;
  if (clientIds !== undefined && !fitsClientId(clientIds, request.clientId)) {
    return refuseWith(Reason.clientIdNotValid, 'client identifier: this credential may not use it');
  }
  if (namespace !== undefined && !NAMESPACE.test(namespace)) {
    throw new Error(`namespace ${JSON.stringify(namespace)} is not one level of a topic`);
  }
  if (grants !== undefined && Buffer.byteLength(JSON.stringify(grants)) > MAX_GRANTS_BYTES) {
    throw new Error(`grants of a credential take more than ${MAX_GRANTS_BYTES} bytes as JSON`);
  }
  return {
    admitted: {
      username,
      holder: username,
      bound: clientIds !== undefined,
      mount: namespace === undefined ? '' : `${namespace}/`,
      expiresAtMs: expiresAtMs ?? Infinity,
      grants,
    },
  };
}

const ANONYMOUS: Admitted = {
  username: undefined,
  holder: undefined,
  bound: false,
  mount: '',
  expiresAtMs: Infinity,
  grants: undefined,
};

/** Decides who comes in, and as whom. */
export function createDoor(options: DoorOptions): (request: ConnectRequest) => Verdict | Promise<Verdict> {
  const { authenticate, allowAnonymous, logger } = options;
  const failed = (error: unknown): Verdict => {
    logger.error('authenticate failed', { error: String(error) });
    return refuseWith(Reason.serverUnavailable, 'authentication is not available');
  };
  return (request) => {
    const named =
      request.username !== undefined || request.password !== undefined || request.certificate !== undefined;
    if (authenticate === undefined || (allowAnonymous && !named)) {
      // Without anyone to check it a user name proves nothing; it is kept for rules that someone wrote for it.
      return { admitted: named ? { ...ANONYMOUS, username: request.username } : ANONYMOUS };
    }
    try {
      const found = authenticate(request);
      if (!(found instanceof Promise)) return judge(request, found);
      return found.then((value) => judge(request, value)).catch(failed);
    } catch (error) {
      return failed(error);
    }
  };
}
