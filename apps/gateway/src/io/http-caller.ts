import type { User } from '@a2a-js/sdk/server';
import type { CallOptions, TokenValidator } from '@shoal/agent-sdk';
import type { TokenIdentity } from '@shoal/agent-sdk';
import { AUTH_ERRORS } from '@shoal/protocol';
import type { Request, Response } from 'express';
import { GatewayError } from '../core/gateway-error.ts';
import { spanOf } from './observe-http.ts';

/** Who sent one HTTP request, and whether they still wait. */
export class HttpCaller implements User {
  /** The bearer token as it came, for the agent to check. Never logged. */
  readonly token: string | undefined;
  /** Aborted when the connection closes before the answer is complete. */
  readonly signal: AbortSignal;
  /** The span of the request is active in it. */
  readonly traceContext: CallOptions['traceContext'];
  readonly #identity: TokenIdentity | undefined;
  readonly #response: Response;

  constructor(request: Request, response: Response, identity?: TokenIdentity) {
    this.token = /^bearer +(\S+) *$/i.exec(request.headers.authorization ?? '')?.[1];
    this.traceContext = spanOf(response)?.context;
    this.#identity = identity;
    this.#response = response;
    const gone = new AbortController();
    this.signal = gone.signal;
    response.on('close', () => {
      if (!response.writableFinished)
        gone.abort(new GatewayError(499, 'CLIENT_GONE', 'the HTTP client is gone'));
    });
  }

  get isAuthenticated(): boolean {
    return this.#identity !== undefined;
  }

  get userName(): string {
    return this.#identity?.subject ?? '';
  }

  /** HTTP says who must log in, and when to come again, by status and header, whatever the binding's body says. */
  told(error: unknown): void {
    if (!(error instanceof GatewayError) || this.#response.headersSent) return;
    if (error.statusCode === 401) {
      this.#response.locals['status'] = 401;
      this.#response.setHeader('www-authenticate', 'Bearer');
    }
    if (error.statusCode === 403) this.#response.locals['status'] = 403;
    if (error.retryable) this.#response.setHeader('retry-after', '1');
  }
}

/** Checks the token here already, when the gateway was told whose tokens count. Throws GatewayError 401 or 403. */
export async function identify(
  request: Request,
  response: Response,
  auth: TokenValidator | undefined,
): Promise<HttpCaller> {
  if (auth === undefined) return new HttpCaller(request, response);
  const header = request.headers.authorization;
  const outcome = await auth.validate(header === undefined ? [] : [header]);
  if ('token' in outcome) return new HttpCaller(request, response, outcome.token);
  const denied = outcome.error.code === AUTH_ERRORS.PermissionDenied.code;
  const { httpStatus, reason } = denied ? AUTH_ERRORS.PermissionDenied : AUTH_ERRORS.Unauthenticated;
  const error = new GatewayError(
    httpStatus,
    reason,
    outcome.error.message.replace(/the user property a2a-authorization/, 'the header Authorization'),
  );
  new HttpCaller(request, response).told(error);
  throw error;
}
