import type { CallOptions, TokenValidator } from '@shoal/agent-sdk';
import type { LinkOptions, Logger } from '@shoal/mqtt-link';
import type { AgentAddress } from '@shoal/protocol';

export interface GatewayOptions {
  /** The broker. */
  readonly url: string;
  readonly org: string;
  /** The gateway's own place on the broker, and whose agents it shows unless `expose` says otherwise. */
  readonly unit: string;
  /** Its id on the broker; each replica needs one of its own. Default: `gateway-` and eight random digits. */
  readonly gatewayId?: string;
  /** Only these of `unit` are shown. Default: all of them. Others are not there: 404. */
  readonly agents?: readonly string[];
  /** Which agents of all units of `org` are shown, instead of `agents`. Its credential must be allowed to read the cards of all units. */
  readonly expose?: (address: AgentAddress) => boolean;
  /** The agent whose card is at the root as well: the id of one in `unit`. Default: none. */
  readonly defaultAgent?: string;
  /** How clients reach the gateway, without a slash at the end; all replicas the same. Default: the address of the listener. */
  readonly publicUrl?: string;
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Default 8080; 0: any. */
  readonly port?: number;
  /** Tokens that are needed to get in, checked here; the agent gets them in any case. Default: the agents decide. */
  readonly auth?: TokenValidator;
  readonly username?: string;
  readonly password?: string;
  /** Tokens may go to a broker on this machine without TLS. Default false. For development. */
  readonly allowTokenOnLoopback?: boolean;
  readonly linkOptions?: Partial<Omit<LinkOptions, 'url' | 'clientId' | 'username' | 'password' | 'logger'>>;
  /** Timeouts and attempts of calls to agents. */
  readonly callOptions?: Pick<CallOptions, 'firstReplyTimeoutMs' | 'idleTimeoutMs' | 'maxAttempts'>;
  /** Origins of web pages that may call. Default: none. */
  readonly corsOrigins?: readonly string[];
  /** Bytes. Default 1 048 576. More is answered 413. */
  readonly maxBodyBytes?: number;
  /** Requests of one client address in a minute. Default 600; more are answered 429 with Retry-After. 0: no limit. */
  readonly requestsPerMinute?: number;
  /** Requests that are being answered at once, streams included. Default 1 000; more are answered 503. */
  readonly maxOpen?: number;
  /** Proxies in front whose X-Forwarded-For counts. Default 0. */
  readonly trustedProxies?: number;
  /** Between comments on silent streams. Default 15 000. */
  readonly keepAliveMs?: number;
  readonly logger?: Logger;
}

export interface Gateway {
  /** `publicUrl`; known after `start`. */
  readonly url: string;
  /** Resolves when the cards are known and requests are taken. */
  start(): Promise<void>;
  /**
   * Takes no more connections, lets what is being answered end for `graceMs` (default 10 000), then ends it: clients of streams
   * subscribe again at another replica. Stopping twice is fine.
   */
  stop(options?: { readonly graceMs?: number }): Promise<void>;
}
