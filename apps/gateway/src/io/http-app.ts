import { jsonRpcHandler, restHandler } from '@a2a-js/sdk/server/express';
import type { CallOptions, Requester } from '@shoal/agent-sdk';
import type { Logger } from '@shoal/mqtt-link';
import type { AgentAddress } from '@shoal/protocol';
import { isIdentifier } from '@shoal/protocol';
import type { RegisteredAgent } from '@shoal/registry-client';
import cors from 'cors';
import type { Express, NextFunction, Request, RequestHandler, Response } from 'express';
import express from 'express';
import { rateLimit } from 'express-rate-limit';
import { createHash } from 'node:crypto';
import { GatewayError } from '../core/gateway-error.ts';
import { publicCard } from '../core/public-card.ts';
import { accessLog } from './access-log.ts';
import { bodyErrors, contentTypeGuard, envelopeGuard, restError } from './envelope-guard.ts';
import { ForwardingHandler } from './forwarding-handler.ts';
import type { GatewayOptions } from './gateway-options.ts';
import { identify } from './http-caller.ts';
import { keepAlive } from './keep-alive.ts';
import { observeHttp } from './observe-http.ts';

export interface Backend {
  readonly requester: Requester;
  find(address: AgentAddress): RegisteredAgent | undefined;
  list(): readonly RegisteredAgent[];
  baseOf(address: AgentAddress): string;
  readonly callOptions: CallOptions;
  readonly logger: Logger;
}

type Handlers = { readonly rpc: RequestHandler; readonly rest: RequestHandler };

/**
 * `GET /agents` lists; below `/ORG/UNIT/AGENT/` lie the card at `.well-known/agent-card.json`, JSON-RPC at the root, HTTP+JSON beside it.
 */
export function createApp(options: GatewayOptions, backend: Backend): Express {
  const { maxBodyBytes = 1_048_576, requestsPerMinute = 600, maxOpen = 1_000 } = options;
  const handlers = new Map<string, Handlers>();
  const app = express();
  app.disable('x-powered-by');
  app.set('trust proxy', options.trustedProxies ?? 0);
  app.use(observeHttp(), accessLog(backend.logger), boundedBy(maxOpen), statusFromCaller);
  app.get('/healthz', (_request, response) => void response.json({ status: 'ok' }));
  if (requestsPerMinute > 0)
    app.use(
      rateLimit({
        windowMs: 60_000,
        limit: requestsPerMinute,
        standardHeaders: 'draft-8',
        legacyHeaders: false,
        message: restError(429, 'RESOURCE_EXHAUSTED', 'too many requests from this address'),
      }),
    );
  if (options.corsOrigins !== undefined)
    app.use(cors({ origin: [...options.corsOrigins], exposedHeaders: ['A2A-Extensions', 'Retry-After'] }));
  app.use(keepAlive(options.keepAliveMs ?? 15_000));
  app.get('/agents', (_request, response) => void response.json({ agents: backend.list().map(entry) }));
  const { defaultAgent, org, unit } = options;
  if (defaultAgent !== undefined)
    app.get('/.well-known/agent-card.json', (request, response) =>
      sendCard({ org, unit, agentId: defaultAgent }, request, response),
    );
  app.use(
    '/:org/:unit/:agentId',
    plainVersion,
    jsonTypeFromCaller,
    contentTypeGuard(JSON_TYPES),
    express.json({ limit: maxBodyBytes, strict: false, type: JSON_TYPES }),
    bodyErrors,
  );
  app.get('/:org/:unit/:agentId/.well-known/agent-card.json', (request, response) =>
    sendCard(addressOf(request), request, response),
  );
  app.use('/:org/:unit/:agentId', (request, response, next) => {
    const address = addressOf(request);
    if (address === undefined || backend.find(address) === undefined) return notFound(response);
    const { rpc, rest } = handlersOf(address);
    if (request.method === 'POST' && request.path === '/')
      return envelopeGuard(request, response, (error?: unknown) =>
        error === undefined ? void rpc(request, response, next) : next(error),
      );
    return rest(request, response, next);
  });
  app.use('/:org/:unit/:agentId', nothingHere);
  app.use((_request, response) => notFound(response));
  app.use((error: unknown, _request: Request, response: Response, next: NextFunction) => {
    if (response.headersSent) return next(error);
    if (error instanceof GatewayError)
      return response.status(error.statusCode).json(restError(error.statusCode, error.reason, error.message));
    backend.logger.error('a request failed', {
      error: error instanceof Error ? error.message : String(error),
    });
    return response.status(500).json(restError(500, 'INTERNAL', 'the gateway failed'));
  });
  return app;

  function entry({ address, card, presence }: RegisteredAgent): object {
    const { state, reason } = presence;
    const url = `${backend.baseOf(address)}.well-known/agent-card.json`;
    return { ...address, name: card.name, presence: { state, reason }, cardUrl: url };
  }

  function sendCard(address: AgentAddress | undefined, request: Request, response: Response): void {
    const card = address === undefined ? undefined : backend.find(address)?.card;
    if (address === undefined || card === undefined) return notFound(response);
    const body = JSON.stringify(publicCard(card, backend.baseOf(address)));
    response.setHeader('etag', `"${createHash('sha256').update(body).digest('base64url').slice(0, 27)}"`);
    response.setHeader('cache-control', 'public, max-age=60');
    response.type('application/json');
    if (request.fresh) return void response.status(304).end();
    response.send(body);
  }

  function handlersOf(address: AgentAddress): Handlers {
    const base = backend.baseOf(address);
    const known = handlers.get(base);
    if (known !== undefined) return known;
    if (handlers.size >= MOST_HANDLERS) handlers.clear();
    const requestHandler = new ForwardingHandler({
      requester: backend.requester,
      card: () => backend.find(address)?.card,
      base,
      callOptions: backend.callOptions,
    });
    const made = {
      rpc: withCaller((userBuilder) => jsonRpcHandler({ requestHandler, userBuilder })),
      rest: withCaller((userBuilder) => restHandler({ requestHandler, userBuilder })),
    };
    handlers.set(base, made);
    return made;
  }

  function withCaller(
    make: (userBuilder: (request: Request) => ReturnType<typeof identify>) => RequestHandler,
  ): RequestHandler {
    return make((request) => identify(request, request.res as Response, options.auth));
  }
}

/** They keep nothing of a request: when there are more, all are made anew. */
const MOST_HANDLERS = 1_000;

const A2A_JSON = 'application/a2a+json';
const JSON_TYPES = ['application/json', A2A_JSON];

function addressOf({ params }: Request): AgentAddress | undefined {
  const { org, unit, agentId } = params;
  return isIdentifier(org) && isIdentifier(unit) && isIdentifier(agentId)
    ? { org, unit, agentId }
    : undefined;
}

function notFound(response: Response): void {
  response
    .status(404)
    .json(restError(404, 'NOT_FOUND', 'no such agent; GET /agents lists those that are here'));
}

/** The agent is there, and what was asked of it is not. */
const nothingHere: RequestHandler = ({ method, path, baseUrl }, response) => {
  const message = `${baseUrl} has nothing at ${method} ${path}: JSON-RPC is POST on it, HTTP+JSON below it, and its card says the rest: GET ${baseUrl}/.well-known/agent-card.json`;
  response.status(404).json(restError(404, 'NOT_FOUND', message.slice(0, 1_000)));
};

/** The version is Major.Minor; a patch number must not affect the negotiation (A2A §3.6), and the SDK compares the whole. */
const plainVersion: RequestHandler = (request, _response, next) => {
  const version = request.header('a2a-version');
  const plain = version === undefined ? undefined : /^\s*(\d+\.\d+)(\.\d+)?\s*$/.exec(version)?.[1];
  if (plain !== undefined) request.headers['a2a-version'] = plain;
  next();
};

/**
 * HTTP+JSON is answered as `application/json` (A2A §11.1) to whoever does not ask for `application/a2a+json`, which is registered in §14.1.1
 * and which the SDK writes in any case.
 */
const jsonTypeFromCaller: RequestHandler = (request, response, next) => {
  response.vary('accept');
  if (request.accepts(JSON_TYPES) !== A2A_JSON) {
    const setHeader = response.setHeader.bind(response);
    response.setHeader = (name, value) =>
      setHeader(name, typeof value === 'string' ? value.replace(A2A_JSON, 'application/json') : value);
  }
  next();
};

/** Refuses what is more than can be kept open: each costs memory here and a correlation on the broker. */
function boundedBy(maxOpen: number): RequestHandler {
  let open = 0;
  return (_request, response, next) => {
    if (open >= maxOpen) {
      response.setHeader('retry-after', '1');
      response.status(503).json(restError(503, 'UNAVAILABLE', 'the gateway is busy'));
      return;
    }
    open += 1;
    response.on('close', () => (open -= 1));
    next();
  };
}

/** Lets HttpCaller set the status of an answer whose body the SDK writes. */
const statusFromCaller: RequestHandler = (_request, response, next) => {
  const status = response.status.bind(response);
  response.status = (code) => status((response.locals['status'] as number | undefined) ?? code);
  next();
};
