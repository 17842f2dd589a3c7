/**
 * A stand-in for a Kubernetes API server with its Job controller and one node: the part of the HTTP API that the spawner uses, with a
 * real child process in the place of a Pod's container. An image is a program. It shows that the calls are made and understood as
 * documented, not that a real cluster would do as it does.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { V1Job, V1Pod, V1Secret } from '@kubernetes/client-node';

type Kind = 'jobs' | 'pods' | 'secrets';
type Stored = V1Job | V1Pod | V1Secret;
type Verb = 'create' | 'delete' | 'get' | 'list' | 'patch' | 'watch';
type Call = `${Verb} ${Kind}`;

interface Change {
  readonly kind: Kind;
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly version: number;
  readonly object: Stored;
}

const COLLECTS_AFTER_MS = 100;

export interface ServedCluster {
  readonly url: string;
  readonly jobs: ReadonlyMap<string, V1Job>;
  readonly pods: ReadonlyMap<string, V1Pod>;
  readonly secrets: ReadonlyMap<string, V1Secret>;
  /** Every object that was ever created by a call, in order. */
  readonly created: readonly Stored[];
  /** Lets the next call of that kind take effect and then breaks its connection, as when the server dies after it. */
  breakAfter(call: Call): void;
  /** Answers the next call of that kind with a refusal. */
  refuse(call: Call, code: number, message: string): void;
  /** Breaks every watch; changes from then on are forgotten, so that to watch from before is answered with 410. */
  forgetChanges(): void;
  setPodStatus(status: NonNullable<V1Pod['status']>): void;
  setJobStatus(status: NonNullable<V1Job['status']>): void;
  removePod(): void;
  removeJob(name: string): void;
  kill(): void;
  stop(): Promise<void>;
}

/** `programs`: the program of each image. Every other image cannot be pulled; `stuck` never is. */
export async function serveCluster(programs: Readonly<Record<string, string>>): Promise<ServedCluster> {
  const stores = {
    jobs: new Map<string, V1Job>(),
    pods: new Map<string, V1Pod>(),
    secrets: new Map<string, V1Secret>(),
  };
  const children = new Map<string, ChildProcess>();
  const created: Stored[] = [];
  const breaking = new Set<Call>();
  const refusals = new Map<Call, { code: number; message: string }>();
  const watches = new Set<{ kind: Kind; selector: string; response: ServerResponse }>();
  let changes: Change[] = [];
  let forgottenUpTo = 0;
  let version = 100;

  const answer = (response: ServerResponse, status: number, body: unknown): void => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body));
  };
  const say = (response: ServerResponse, code: number, message: string): void =>
    answer(response, code, { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, message });
  const fits = ({ metadata }: Stored, selector: string): boolean =>
    selector.split(',').every((pair) => {
      const [name = '', value] = pair.split('=', 2);
      return pair === '' || metadata?.labels?.[name] === value;
    });
  const tell = (
    change: Change,
    { selector, response, kind }: { kind: Kind; selector: string; response: ServerResponse },
  ): void => {
    if (kind === change.kind && fits(change.object, selector))
      response.write(`${JSON.stringify({ type: change.type, object: change.object })}\n`);
  };
  const changed = (kind: Kind, type: Change['type'], object: Stored): void => {
    version += 1;
    Object.assign(object.metadata ?? {}, { resourceVersion: String(version) });
    const change = { kind, type, version, object: structuredClone(object) };
    changes.push(change);
    for (const watch of watches) tell(change, watch);
  };
  const put = (kind: Kind, object: Stored, type: Change['type']): void => {
    (stores[kind] as Map<string, Stored>).set(object.metadata?.name ?? '', object);
    changed(kind, type, object);
  };
  const drop = (kind: Kind, name: string): void => {
    const object = stores[kind].get(name);
    if (object === undefined) return;
    stores[kind].delete(name);
    changed(kind, 'DELETED', object);
  };

  const podOf = (job: V1Job): V1Pod => ({
    metadata: {
      name: `${job.metadata?.name}-x1`,
      uid: randomUUID(),
      labels: {
        ...job.spec?.template.metadata?.labels,
        'batch.kubernetes.io/job-name': job.metadata?.name ?? '',
      },
      ownerReferences: [
        { apiVersion: 'batch/v1', kind: 'Job', name: job.metadata?.name ?? '', uid: job.metadata?.uid ?? '' },
      ],
    },
    ...(job.spec?.template.spec === undefined ? {} : { spec: job.spec.template.spec }),
    status: { phase: 'Pending' },
  });
  const setStatus = (pod: V1Pod, status: NonNullable<V1Pod['status']>): void => {
    pod.status = status;
    changed('pods', 'MODIFIED', pod);
  };
  const runPod = (job: V1Job): void => {
    const pod = podOf(job);
    put('pods', pod, 'ADDED');
    const container = pod.spec?.containers[0];
    const secret = stores.secrets.get(container?.envFrom?.[0]?.secretRef?.name ?? '');
    const waiting = (reason: string) => ({
      phase: 'Pending',
      containerStatuses: [
        {
          name: 'agent',
          image: '',
          imageID: '',
          ready: false,
          restartCount: 0,
          state: { waiting: { reason } },
        },
      ],
    });
    // One that another Job owned is removed before the Pod reads it.
    if (secret?.metadata?.ownerReferences?.[0]?.uid !== job.metadata?.uid)
      return setStatus(pod, waiting('CreateContainerConfigError'));
    if (container?.image === 'stuck') return;
    const program = programs[container?.image ?? ''];
    if (program === undefined) return setStatus(pod, waiting('ImagePullBackOff'));
    const env = Object.fromEntries((container?.env ?? []).map(({ name, value = '' }) => [name, value]));
    const child = spawn(process.execPath, [program], {
      env: { ...env, ...secret?.stringData },
      stdio: 'inherit',
    });
    children.set(pod.metadata?.name ?? '', child);
    setStatus(pod, { phase: 'Running' });
    child.once('exit', (code) => {
      if (stores.pods.get(pod.metadata?.name ?? '') !== pod) return;
      setStatus(pod, {
        phase: code === 0 ? 'Succeeded' : 'Failed',
        ...(code === null ? { reason: 'Killed' } : {}),
      });
      job.status = { conditions: [{ type: code === 0 ? 'Complete' : 'Failed', status: 'True' }] };
      changed('jobs', 'MODIFIED', job);
    });
  };
  const dropPod = (name: string): void => {
    children.get(name)?.kill('SIGKILL');
    drop('pods', name);
  };
  const removeJob = (job: V1Job): void => {
    const owned = ({ metadata }: Stored): boolean =>
      metadata?.ownerReferences?.[0]?.uid === job.metadata?.uid;
    drop('jobs', job.metadata?.name ?? '');
    // The garbage collector comes later.
    setTimeout(() => {
      for (const [name, pod] of stores.pods) if (owned(pod)) dropPod(name);
      for (const [name, secret] of stores.secrets) if (owned(secret)) drop('secrets', name);
    }, COLLECTS_AFTER_MS);
  };

  const watch = (kind: Kind, query: URLSearchParams, response: ServerResponse): void => {
    const from = Number(query.get('resourceVersion'));
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    const one = { kind, selector: query.get('labelSelector') ?? '', response };
    if (from < forgottenUpTo) {
      const object = { kind: 'Status', code: 410, reason: 'Expired', message: 'too old resource version' };
      return void response.end(`${JSON.stringify({ type: 'ERROR', object })}\n`);
    }
    for (const change of changes) if (change.version > from) tell(change, one);
    watches.add(one);
    response.once('close', () => watches.delete(one));
  };
  const list = (kind: Kind, query: URLSearchParams, response: ServerResponse): void => {
    const selector = query.get('labelSelector') ?? '';
    const items = [...stores[kind].values()].filter((object) => fits(object, selector));
    answer(response, 200, { metadata: { resourceVersion: String(version) }, items });
  };
  /** What the call gives: status and body. */
  const act = (verb: Verb, kind: Kind, name: string, body: unknown): [number, unknown] => {
    if (verb === 'create') {
      const object = body as Stored;
      const key = object.metadata?.name ?? '';
      if (stores[kind].has(key)) return [409, { message: `${kind} "${key}" already exists` }];
      Object.assign(object.metadata ?? {}, { uid: randomUUID() });
      created.push(structuredClone(object));
      put(kind, object, 'ADDED');
      return [201, object];
    }
    const object = stores[kind].get(name);
    if (object === undefined) return [404, { message: `${kind} "${name}" not found` }];
    if (verb === 'delete') removeJob(object as V1Job);
    if (verb === 'patch') {
      const job = object as V1Job;
      const wasSuspended = job.spec?.suspend === true;
      Object.assign(job.spec ?? {}, (body as V1Job).spec);
      changed('jobs', 'MODIFIED', job);
      if (wasSuspended && job.spec?.suspend === false) runPod(job);
    }
    return [200, object];
  };

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const text = await bodyOf(request);
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://cluster');
    const match =
      /^\/(?:apis\/batch\/v1|api\/v1)\/namespaces\/agents\/(jobs|pods|secrets)(?:\/([^/]+))?$/.exec(pathname);
    if (match === null) return say(response, 404, `the server could not find ${pathname}`);
    const [, kind, name] = match as unknown as [string, Kind, string | undefined];
    const verb = verbOf(request.method ?? '', name, searchParams);
    const call: Call = `${verb} ${kind}`;
    const refusal = refusals.get(call);
    if (refusal !== undefined) {
      refusals.delete(call);
      return say(response, refusal.code, refusal.message);
    }
    if (verb === 'watch') return watch(kind, searchParams, response);
    if (verb === 'list') return list(kind, searchParams, response);
    const [status, body] = act(verb, kind, name ?? '', text === '' ? undefined : JSON.parse(text));
    if (breaking.delete(call)) return void response.destroy();
    if (status >= 400) return say(response, status, (body as { message: string }).message);
    answer(response, status, body);
  };
  const server = createServer((request, response) => void handle(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const onlyPod = (): V1Pod => {
    const [pod] = stores.pods.values();
    if (pod === undefined) throw new Error('there is no Pod');
    return pod;
  };
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    ...stores,
    created,
    breakAfter: (call) => void breaking.add(call),
    refuse: (call, code, message) => void refusals.set(call, { code, message }),
    forgetChanges() {
      for (const { response } of watches) response.destroy();
      version += 1;
      forgottenUpTo = version;
      changes = [];
    },
    setPodStatus: (status) => setStatus(onlyPod(), status),
    setJobStatus(status) {
      for (const job of stores.jobs.values()) {
        job.status = status;
        changed('jobs', 'MODIFIED', job);
      }
    },
    removePod: () => dropPod(onlyPod().metadata?.name ?? ''),
    removeJob(name) {
      const job = stores.jobs.get(name);
      if (job !== undefined) removeJob(job);
    },
    kill() {
      for (const child of children.values()) child.kill('SIGKILL');
    },
    async stop() {
      for (const child of children.values()) child.kill('SIGKILL');
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function verbOf(method: string, name: string | undefined, query: URLSearchParams): Verb {
  if (method === 'POST') return 'create';
  if (method === 'DELETE') return 'delete';
  if (method === 'PATCH') return 'patch';
  if (name !== undefined) return 'get';
  return query.get('watch') === 'true' ? 'watch' : 'list';
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
