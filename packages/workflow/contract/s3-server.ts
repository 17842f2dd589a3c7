import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface S3Server {
  readonly endpoint: string;
  readonly objects: Map<string, Buffer>;
  /** Answers so to the next requests, before anything else. */
  readonly failures: number[];
  stop(): Promise<void>;
}

const CREDENTIALS = { accessKeyId: 'shoal', secretAccessKey: 'a-secret' } as const;

const hex = (text: string | Buffer): string => createHash('sha256').update(text).digest('hex');
const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();
const encode = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);

/**
 * The part of S3 that a store needs, strict where S3 is: path-style addresses, Signature Version 4 verified over method, path, query,
 * signed headers and content (docs.aws.amazon.com: "Create a signed AWS API request"), lists of at most 1,000 keys.
 */
export async function startS3Server(bucket: string): Promise<S3Server> {
  const objects = new Map<string, Buffer>();
  const failures: number[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const failure = failures.shift();
      if (failure !== undefined)
        return response.writeHead(failure).end('<Error><Code>SlowDown</Code></Error>');
      const body = Buffer.concat(chunks);
      const wrong = refuse(request, body);
      if (wrong !== undefined) return response.writeHead(403).end(`<Error><Code>${wrong}</Code></Error>`);
      const url = new URL(request.url ?? '/', 'http://s3');
      const [, name, ...rest] = url.pathname.split('/');
      if (name !== bucket) return response.writeHead(404).end('<Error><Code>NoSuchBucket</Code></Error>');
      const key = rest.map(decodeURIComponent).join('/');
      if (key === '' && url.searchParams.get('list-type') === '2') {
        const prefix = url.searchParams.get('prefix') ?? '';
        const keys = [...objects.keys()].filter((one) => one.startsWith(prefix)).slice(0, 1000);
        const contents = keys.map((one) => `<Contents><Key>${one.replaceAll('&', '&amp;')}</Key></Contents>`);
        return response.writeHead(200).end(`<ListBucketResult>${contents.join('')}</ListBucketResult>`);
      }
      if (request.method === 'PUT') {
        objects.set(key, body);
        return response.writeHead(200).end();
      }
      const found = objects.get(key);
      if (request.method === 'DELETE') {
        objects.delete(key);
        return response.writeHead(204).end();
      }
      if (found === undefined) return response.writeHead(404).end('<Error><Code>NoSuchKey</Code></Error>');
      return response.writeHead(200).end(found);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: `http://127.0.0.1:${port}`,
    objects,
    failures,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** The error code of S3, or undefined when the signature is right. */
function refuse(request: IncomingMessage, body: Buffer): string | undefined {
  const header = (name: string): string => String(request.headers[name] ?? '');
  const parsed =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/.exec(
      header('authorization'),
    );
  if (parsed === null) return 'AccessDenied';
  const [, id, day = '', region = '', names = '', signature = ''] = parsed;
  if (id !== CREDENTIALS.accessKeyId) return 'InvalidAccessKeyId';
  const contentHash = header('x-amz-content-sha256');
  if (contentHash !== 'UNSIGNED-PAYLOAD' && contentHash !== hex(body)) return 'XAmzContentSHA256Mismatch';
  if (request.method === 'PUT' && contentHash === 'UNSIGNED-PAYLOAD') return 'UnsignedContent';
  if (!names.split(';').includes('host')) return 'AccessDenied';
  const url = new URL(request.url ?? '/', 'http://s3');
  const query = [...url.searchParams].map(([name, value]) => `${encode(name)}=${encode(value)}`).sort();
  const canonical = [
    request.method,
    url.pathname
      .split('/')
      .map((part) => encode(decodeURIComponent(part)))
      .join('/'),
    query.join('&'),
    ...names.split(';').map((name) => `${name}:${header(name).trim().replace(/\s+/g, ' ')}`),
    '',
    names,
    contentHash,
  ].join('\n');
  const date = header('x-amz-date');
  const toSign = ['AWS4-HMAC-SHA256', date, `${day}/${region}/s3/aws4_request`, hex(canonical)].join('\n');
  const key = [region, 's3', 'aws4_request'].reduce<Buffer>(
    (last, part) => hmac(last, part),
    hmac(`AWS4${CREDENTIALS.secretAccessKey}`, day),
  );
  const expected = hmac(key, toSign);
  return timingSafeEqual(expected, Buffer.from(signature, 'hex')) ? undefined : 'SignatureDoesNotMatch';
}

export { CREDENTIALS as S3_CREDENTIALS };
