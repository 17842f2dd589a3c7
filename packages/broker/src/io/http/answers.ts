import type { IncomingMessage } from 'node:http';

/** What a route answers. */
export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. Unset: no body. */
  readonly json?: unknown;
  readonly text?: string;
}

/** Ends the handling of a request with this answer. */
export class HttpError extends Error {
  readonly answer: Answer;

  constructor(status: number, code: string, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.name = 'HttpError';
    this.answer = { status, headers, json: { code, message } };
  }
}

export const badRequest = (message: string): HttpError => new HttpError(400, 'BAD_REQUEST', message);

/** A card of EMQX's largest packet, with every character escaped once. */
const MAX_BODY_BYTES = 2 * 1024 * 1024;

const utf8 = new TextDecoder('utf-8', { fatal: true });

function parseObject(bytes: Buffer): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(utf8.decode(bytes));
  } catch {
    throw badRequest('body: is not JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw badRequest('body: is not a JSON object');
  return value as Readonly<Record<string, unknown>>;
}

/** Rejects with HttpError when the body is too large or no JSON object. */
export async function readJsonObject(request: IncomingMessage): Promise<Readonly<Record<string, unknown>>> {
  const type = request.headers['content-type'];
  if (type !== undefined && !/^application\/json\s*(;|$)/i.test(type))
    throw new HttpError(415, 'UNSUPPORTED_MEDIA_TYPE', 'content-type: must be application/json');
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MAX_BODY_BYTES) {
      // What is still on its way is not waited for.
      const close = { connection: 'close' };
      throw new HttpError(413, 'BODY_TOO_LARGE', `body: more than ${MAX_BODY_BYTES} bytes`, close);
    }
    chunks.push(chunk);
  }
  return parseObject(Buffer.concat(chunks, length));
}
