import type { RequestHandler } from 'express';

/** A comment on event streams that are silent, because proxies close what says nothing. */
export function keepAlive(everyMs: number): RequestHandler {
  return (_request, response, next) => {
    const timer = setInterval(() => {
      const type = response.getHeader('content-type');
      if (response.headersSent && !response.writableEnded && String(type).startsWith('text/event-stream'))
        response.write(':\n\n');
    }, everyMs);
    timer.unref();
    response.on('close', () => clearInterval(timer));
    next();
  };
}
