import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export const hasOpenssl = await run('openssl', ['version']).then(
  () => true,
  () => false,
);

export interface Pair {
  readonly key: Buffer;
  readonly cert: Buffer;
}

/** A certificate authority of its own in a directory; protects nothing. */
export class TestCa {
  private readonly directory: string;
  private readonly name: string;

  constructor(directory: string, name: string) {
    this.directory = directory;
    this.name = name;
  }

  private path(file: string): string {
    return join(this.directory, `${this.name}-${file}`);
  }

  private async make(file: string, args: readonly string[]): Promise<Pair> {
    const [key, cert] = [this.path(`${file}.key`), this.path(`${file}.pem`)];
    const kind = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    await run('openssl', [...kind, '-days', '2', '-keyout', key, '-out', cert, ...args]);
    return { key: await readFile(key), cert: await readFile(cert) };
  }

  async open(): Promise<Buffer> {
    return (await this.make('ca', ['-subj', `/CN=${this.name}`])).cert;
  }

  /** `names` as OpenSSL writes subject alternative names. */
  async issue(subject: string, names: string): Promise<Pair> {
    const file = fileOf(subject);
    const [key, request, cert, extensions] = ['key', 'csr', 'pem', 'ext'].map((end) =>
      this.path(`${file}.${end}`),
    ) as [string, string, string, string];
    await writeFile(extensions, `subjectAltName=${names}\n`);
    const kind = ['req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    await run('openssl', [...kind, '-subj', subject, '-keyout', key, '-out', request]);
    const signer = ['-CA', this.path('ca.pem'), '-CAkey', this.path('ca.key'), '-CAcreateserial'];
    const signed = ['x509', '-req', '-in', request, '-days', '2', '-out', cert, '-extfile', extensions];
    await run('openssl', [...signed, ...signer]);
    return { key: await readFile(key), cert: await readFile(cert) };
  }

  /** A list, in PEM, of certificates of these subjects that count no more. */
  async revocations(subjects: readonly string[]): Promise<Buffer> {
    const [config, index, list] = ['ca.cnf', 'index.txt', 'ca.crl'].map((file) => this.path(file)) as [
      string,
      string,
      string,
    ];
    await writeFile(index, '');
    await writeFile(
      config,
      `[ca]\ndefault_ca=own\n[own]\ndatabase=${index}\ndefault_md=sha256\ndefault_crl_days=2\n`,
    );
    const signer = ['-config', config, '-cert', this.path('ca.pem'), '-keyfile', this.path('ca.key')];
    for (const subject of subjects)
      await run('openssl', ['ca', ...signer, '-revoke', this.path(`${fileOf(subject)}.pem`)]);
    await run('openssl', ['ca', ...signer, '-gencrl', '-out', list]);
    return readFile(list);
  }
}

const fileOf = (subject: string): string => subject.replaceAll(/[^a-z0-9]/gi, '-');
