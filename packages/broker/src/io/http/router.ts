import type { IncomingMessage, ServerResponse } from 'node:http';

import type { Logger } from '../logger.ts';
import { HttpError, type Answer } from './answers.ts';
import type { Actor, Credentials } from './credentials.ts';

export interface RouteCall {
  readonly request: IncomingMessage;
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** Undefined on routes that are open to everyone. */
  readonly actor: Actor | undefined;
  readonly address: string;
}

export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Levels that begin with `:` are parameters. */
  readonly path: string;
  /** Default false: a credential is needed, and the role of an administrator for all methods but GET. */
  readonly open?: boolean;
  readonly handle: (call: RouteCall) => Answer | Promise<Answer>;
}

const METHODS = { HEAD: 'GET', GET: 'GET', POST: 'POST', PUT: 'PUT', DELETE: 'DELETE' } as const;

function tryMatch(path: string, levels: readonly string[]): Record<string, string> | undefined {
  const own = path.split('/');
  if (own.length !== levels.length) return undefined;
  const params: Record<string, string> = {};
  for (const [i, level] of own.entries()) {
    const given = levels[i] as string;
    if (level.startsWith(':')) params[level.slice(1)] = given;
    else if (level !== given) return undefined;
  }
  return params;
}

function levelsOf(pathname: string): string[] {
  try {
    return pathname.split('/').map(decodeURIComponent);
  } catch {
    throw new HttpError(400, 'BAD_REQUEST', 'path: is not percent-encoded UTF-8');
  }
}

function send(request: IncomingMessage, response: ServerResponse, answer: Answer): void {
  const { status, headers = {}, json, text } = answer;
  const body = json === undefined ? text : JSON.stringify(json);
  response.writeHead(status, {
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...(json === undefined ? {} : { 'content-type': 'application/json' }),
    ...(body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }),
    ...headers,
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}

/** Finds the route of a request, checks who asks, and answers. */
export class Router {
  private readonly routes: readonly Route[];
  private readonly credentials: Credentials;
  private readonly logger: Logger;
  private readonly now: () => number;

  constructor(routes: readonly Route[], credentials: Credentials, logger: Logger, now: () => number) {
    this.routes = routes;
    this.credentials = credentials;
    this.logger = logger;
    this.now = now;
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let answer: Answer;
    try {
      answer = await this.answer(request);
    } catch (error) {
      if (error instanceof HttpError) answer = error.answer;
      else {
        this.logger.error('a request could not be handled', { url: request.url, error: String(error) });
        answer = {
          status: 500,
          json: { code: 'INTERNAL_ERROR', message: 'the request could not be handled' },
        };
      }
    }
    send(request, response, answer);
  }

  private async answer(request: IncomingMessage): Promise<Answer> {
    const [pathname = '', search = ''] = (request.url ?? '').split('?', 2);
    const levels = levelsOf(pathname);
    const method = METHODS[request.method as keyof typeof METHODS] as Route['method'] | undefined;
    const address = request.socket.remoteAddress ?? '';
    const found = this.routes.flatMap((route) => {
      const params = tryMatch(route.path, levels);
      return params === undefined ? [] : [{ route, params }];
    });
    const match = found.find(({ route }) => route.method === method);
    // Whether a path exists is nobody's business without a credential.
    const actor =
      match?.route.open === true
        ? undefined
        : await this.credentials.authenticate(request.headers.authorization, address, this.now());
    if (match === undefined) throw this.unknown(found.map(({ route }) => route.method));
    if (actor?.role === 'viewer' && method !== 'GET')
      throw new HttpError(403, 'FORBIDDEN', 'this API key may only read');
    const query = new URLSearchParams(search);
    return match.route.handle({ request, params: match.params, query, actor, address });
  }

  private unknown(allowed: readonly string[]): HttpError {
    if (allowed.length === 0) return new HttpError(404, 'NOT_FOUND', 'Request Path Not Found');
    return new HttpError(405, 'METHOD_NOT_ALLOWED', 'Method Not Allowed', { allow: allowed.join(', ') });
  }
}
