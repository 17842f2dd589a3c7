import type { Logger } from '@shoal/mqtt-link';
import type { RequestHandler } from 'express';
import { traceIdOf } from './observe-http.ts';

/** One line a request, when it is over. Paths name agents and tasks; queries, headers and bodies are not written. */
export function accessLog(logger: Logger): RequestHandler {
  return (request, response, next) => {
    const started = performance.now();
    response.on('close', () => {
      logger.info('request', {
        method: request.method,
        path: request.originalUrl.split('?', 1)[0]?.slice(0, 512) ?? '',
        ...operationOf(request.body),
        status: response.statusCode,
        complete: response.writableFinished,
        ms: Math.round(performance.now() - started),
        remote: request.ip,
        ...traceIdOf(response),
      });
    });
    next();
  };
}

function operationOf(body: unknown): { readonly operation?: string } {
  const method = (body as { readonly method?: unknown } | null | undefined)?.method;
  return typeof method === 'string' ? { operation: method.slice(0, 64) } : {};
}
