import { assertIdentifier } from '@shoal/protocol';
import { AwsClient } from 'aws4fetch';
import type { ArtifactOwner, ArtifactStore } from '../types/artifact-store.ts';

export interface S3ArtifactStoreOptions {
  /** `https://s3.eu-central-1.amazonaws.com`, or that of another server that speaks S3. Buckets are named in the path. */
  readonly endpoint: string;
  readonly bucket: string;
  /** Default us-east-1, which most other servers take. */
  readonly region?: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  /** In front of every key; default `shoal/`. */
  readonly prefix?: string;
  /** Of one request. Default 30 000. */
  readonly timeoutMs?: number;
}

/** Keys deleted at once. */
const DELETE_CONCURRENCY = 8;

/**
 * Artifacts as objects `prefix org/unit/sessionId/stepId/sha256` of an S3-compatible store; their URIs are `s3://bucket/key`. Requests are
 * signed (Signature Version 4, content included) and tried again on 429 and 5xx. A lifecycle rule on the prefix catches what a
 * crash leaves.
 */
export function s3ArtifactStore(options: S3ArtifactStoreOptions): ArtifactStore {
  return new S3ArtifactStore(options);
}

class S3ArtifactStore implements ArtifactStore {
  readonly #options: S3ArtifactStoreOptions;
  readonly #client: AwsClient;
  readonly #bucketUrl: string;
  readonly #prefix: string;

  constructor(options: S3ArtifactStoreOptions) {
    const { endpoint, bucket, accessKeyId, secretAccessKey, sessionToken, region = 'us-east-1' } = options;
    if (!URL.canParse(endpoint))
      throw new TypeError(`endpoint must be a URL, is ${JSON.stringify(endpoint)}`);
    if (!/^[a-z0-9.-]{3,63}$/.test(bucket))
      throw new TypeError(`bucket must be a bucket's name, is ${JSON.stringify(bucket)}`);
    this.#options = options;
    this.#prefix = options.prefix ?? 'shoal/';
    this.#bucketUrl = `${endpoint.replace(/\/+$/, '')}/${bucket}`;
    this.#client = new AwsClient({
      accessKeyId,
      secretAccessKey,
      ...(sessionToken === undefined ? {} : { sessionToken }),
      region,
      service: 's3',
      retries: 3,
    });
  }

  async put(owner: ArtifactOwner, { bytes, sha256, mediaType }: Parameters<ArtifactStore['put']>[1]) {
    assertIdentifier('stepId', owner.stepId);
    const key = `${this.#folderOf(owner)}${owner.stepId}/${sha256}`;
    const body = bytes as Uint8Array<ArrayBuffer>;
    const headers = { 'content-type': mediaType, 'x-amz-content-sha256': sha256 };
    await this.#request('PUT', keyPath(key), (response) => expectOk(response, `PUT ${key}`), {
      body,
      headers,
    });
    return `s3://${this.#options.bucket}/${key}`;
  }

  async get(uri: string, maxBytes: number): Promise<Uint8Array | undefined> {
    const start = `s3://${this.#options.bucket}/${this.#prefix}`;
    if (!uri.startsWith(start)) throw new Error(`${uri} is no object of this store`);
    const key = uri.slice(`s3://${this.#options.bucket}/`.length);
    return this.#request('GET', keyPath(key), async (response) => {
      if (response.status === 404) return undefined;
      await expectOk(response, `GET ${key}`);
      return readBounded(response, maxBytes, uri);
    });
  }

  async remove(session: Omit<ArtifactOwner, 'stepId'>): Promise<void> {
    for (;;) {
      const keys = await this.#list(this.#folderOf(session));
      if (keys.length === 0) return;
      for (let at = 0; at < keys.length; at += DELETE_CONCURRENCY)
        await Promise.all(keys.slice(at, at + DELETE_CONCURRENCY).map((key) => this.#delete(key)));
    }
  }

  /** At most 1,000, which is what one answer holds. */
  async #list(prefix: string): Promise<readonly string[]> {
    const query = new URLSearchParams({ 'list-type': '2', prefix });
    const text = await this.#request('GET', `?${query.toString()}`, async (response) => {
      await expectOk(response, `list ${prefix}`);
      return response.text();
    });
    // Keys are made of identifiers, prefix and hash: of XML's escapes only & can be in them.
    return [...text.matchAll(/<Key>([^<]*)<\/Key>/g)].map(([, key = '']) => key.replaceAll('&amp;', '&'));
  }

  async #delete(key: string): Promise<void> {
    await this.#request('DELETE', keyPath(key), async (response) => {
      if (response.status !== 404) await expectOk(response, `DELETE ${key}`);
    });
  }

  /** The time limit covers the answer's body, which `use` reads. */
  async #request<T>(
    method: string,
    path: string,
    use: (response: Response) => Promise<T>,
    init: RequestInit = {},
  ): Promise<T> {
    const abort = new AbortController();
    const timeoutMs = this.#options.timeoutMs ?? 30_000;
    const timer = setTimeout(() => abort.abort(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    try {
      const { signal } = abort;
      const response = await this.#client.fetch(this.#bucketUrl + path, { ...init, method, signal });
      return await use(response);
    } finally {
      clearTimeout(timer);
      // What was not read is not waited for.
      abort.abort();
    }
  }

  #folderOf({ org, unit, sessionId }: Omit<ArtifactOwner, 'stepId'>): string {
    assertIdentifier('org', org);
    assertIdentifier('unit', unit);
    assertIdentifier('sessionId', sessionId);
    return `${this.#prefix}${org}/${unit}/${sessionId}/`;
  }
}

function keyPath(key: string): string {
  return `/${key.split('/').map(encodeURIComponent).join('/')}`;
}

async function expectOk(response: Response, what: string): Promise<void> {
  if (response.ok) return;
  const text = (await response.text().catch(() => '')).slice(0, 500);
  throw new Error(`the artifact store answered ${response.status} to ${what}: ${text}`);
}

async function readBounded(response: Response, maxBytes: number, uri: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += (chunk as Uint8Array).length;
    if (size > maxBytes) throw new Error(`${uri} has more than ${maxBytes} bytes`);
    chunks.push(chunk as Uint8Array);
  }
  return Buffer.concat(chunks);
}
