import { lookup as dnsLookup } from 'node:dns';
import type { LookupAddress } from 'node:dns';
import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { LookupFunction } from 'node:net';
import { isIP } from 'node:net';
import type { PostOutcome } from '../core/push-retry.ts';
import type { PushRequest, PushTransport } from '../io/push-transport.ts';
import { isPublicAddress } from './address-guard.ts';
import { pushSigner, type PushSigning } from './signature.ts';

export interface HttpPushOptions {
  /**
   * Default false. A requester chooses the URL: with true it can make the agent post to anything that the agent's machine reaches.
   * Better name the hosts with `allow`.
   */
  readonly allowPrivate?: boolean;
  /** Default false: `https:` only. */
  readonly allowHttp?: boolean;
  /** Asked last, for every URL: the place for a list of hosts. Default: all. */
  readonly allow?: (url: URL) => boolean;
  /**
   * Signs every notification (RFC 9421), so that a receiver can tell it from one that somebody else sent: see `verifyPush`. Publish the
   * key with `pushSignaturesExtension`. Default: unsigned. Throws TypeError for a key of another kind.
   */
  readonly sign?: PushSigning;
  /** For one post, from the lookup of the name to the answer. Default 15 000. */
  readonly timeoutMs?: number;
  /** Default the system's. For tests. */
  readonly lookup?: typeof dnsLookup;
}

/** Connections to one receiver that are open at once. */
const MAX_SOCKETS = 8;

/**
 * Posts notifications over HTTP. Guarded against requesters that would use the agent to reach what they cannot (A2A §13.2): a URL is
 * called only when it is `https:`, holds no credentials, and every address of its host is public. The name is looked up once and
 * the connection goes to an address that was checked. Redirects are not followed, and bodies of answers are not read. A receiver
 * with a private certificate authority: `NODE_EXTRA_CA_CERTS`.
 */
export function httpPush(options: HttpPushOptions = {}): PushTransport {
  return new HttpPush(options);
}

class HttpPush implements PushTransport {
  readonly #options: HttpPushOptions;
  readonly #http: HttpAgent;
  readonly #https: HttpsAgent;
  readonly #sign: ReturnType<typeof pushSigner> | undefined;

  constructor(options: HttpPushOptions) {
    this.#options = options;
    this.#sign = options.sign === undefined ? undefined : pushSigner(options.sign);
    const lookup = options.allowPrivate === true ? options.lookup : publicLookup(options.lookup ?? dnsLookup);
    const pooled = {
      keepAlive: true,
      maxSockets: MAX_SOCKETS,
      ...(lookup === undefined ? {} : { lookup }),
    };
    this.#http = new HttpAgent(pooled);
    this.#https = new HttpsAgent(pooled);
  }

  refusal(text: string): string | undefined {
    const { allowHttp, allowPrivate, allow } = this.#options;
    if (!URL.canParse(text)) return 'must be an absolute URL';
    const url = new URL(text);
    if (url.protocol !== 'https:' && !(allowHttp === true && url.protocol === 'http:'))
      return `must be https:${allowHttp === true ? ' or http:' : ''}, is ${url.protocol}`;
    if (url.username !== '' || url.password !== '')
      return 'must not hold credentials; use authentication.credentials';
    const host = url.hostname.replace(/^\[|\]$/g, '');
    if (allowPrivate !== true && isIP(host) !== 0 && !isPublicAddress(host))
      return 'leads to a private or reserved address, which this agent does not call';
    return allow === undefined || allow(url) ? undefined : 'is not a receiver that this agent calls';
  }

  async post(request: PushRequest): Promise<PostOutcome> {
    const { url, headers, body } = request;
    const refused = this.refusal(url);
    if (refused !== undefined) return { failure: `the URL ${refused}`, final: true };
    if (this.#sign === undefined) return this.#send(request);
    try {
      return await this.#send({ ...request, headers: await this.#sign(url, headers, body) });
    } catch (error) {
      return { failure: `it could not be signed: ${String(error)}`, final: true };
    }
  }

  #send({ url, headers, body, signal }: PushRequest): Promise<PostOutcome> {
    const { timeoutMs = 15_000 } = this.#options;
    // Not AbortSignal.timeout: inside AbortSignal.any, Node 20 may collect it as garbage before it fires.
    const patience = new AbortController();
    const timer = setTimeout(() => patience.abort(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    const limit = AbortSignal.any([signal, patience.signal]);
    const secure = new URL(url).protocol === 'https:';
    const outcome = new Promise<PostOutcome>((resolve) => {
      const request = (secure ? httpsRequest : httpRequest)(
        url,
        {
          method: 'POST',
          agent: secure ? this.#https : this.#http,
          signal: limit,
          headers: { ...headers, 'content-length': Buffer.byteLength(body) },
        },
        (response) => {
          response.resume();
          response.on('error', () => undefined);
          resolve({ status: response.statusCode ?? 0 });
        },
      );
      request.on('error', (error) => {
        const cause: unknown = limit.aborted ? limit.reason : error;
        const failure = cause instanceof Error ? cause.message : String(cause);
        resolve({ failure, final: error instanceof RefusedAddress });
      });
      request.end(body);
    });
    return outcome.finally(() => clearTimeout(timer));
  }

  close(): void {
    this.#http.destroy();
    this.#https.destroy();
  }
}

class RefusedAddress extends Error {}

/** Every address has to be public: a name with one private address among others is a way in. */
function publicLookup(lookup: typeof dnsLookup): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, found) => {
      const addresses: LookupAddress[] = found;
      if (error !== null) return callback(error, '', 0);
      const refused = addresses.find(({ address }) => !isPublicAddress(address));
      if (refused !== undefined || addresses[0] === undefined) {
        const why = `${hostname} has a private or reserved address, which this agent does not call`;
        return callback(new RefusedAddress(why), '', 0);
      }
      return options.all === true
        ? callback(null, addresses)
        : callback(null, addresses[0].address, addresses[0].family);
    });
  };
}
