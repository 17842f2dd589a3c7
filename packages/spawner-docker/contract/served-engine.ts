/**
 * A stand-in for a Docker engine: the part of its HTTP API that the spawner uses, with a real child process in the place of a container.
 * An image is a program. It shows that the calls are made and understood as documented, not that a real engine would do as it does.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ContainerBody {
  readonly Image: string;
  readonly Cmd?: readonly string[];
  readonly Env: readonly string[];
  readonly User: string;
  readonly Labels: Readonly<Record<string, string>>;
  readonly HostConfig: Readonly<Record<string, unknown>>;
}

interface Container {
  readonly name: string;
  readonly body: ContainerBody;
  state: 'created' | 'running' | 'exited';
  code: number;
  child: ChildProcess | undefined;
  readonly waiting: ServerResponse[];
}

export interface ServedEngine {
  readonly port: number;
  readonly containers: ReadonlyMap<string, Container>;
  /** Every container that was ever created, in order. */
  readonly created: readonly { readonly name: string; readonly body: ContainerBody }[];
  /** Lets the next call of that kind take effect and then breaks its connection, as when the engine dies after it. */
  breakAfter(call: 'create' | 'start'): void;
  /** Breaks every connection that awaits the end of a container. */
  breakWaits(): void;
  kill(): void;
  stop(): Promise<void>;
}

/** `programs`: the program of each image. */
export async function serveEngine(programs: Readonly<Record<string, string>>): Promise<ServedEngine> {
  const containers = new Map<string, Container>();
  const created: { name: string; body: ContainerBody }[] = [];
  const breaking = new Set<string>();

  const answer = (response: ServerResponse, status: number, body?: unknown): void => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(body === undefined ? undefined : JSON.stringify(body));
  };
  const orBreak = (call: string, response: ServerResponse, then: () => void): void => {
    if (breaking.delete(call)) response.destroy();
    else then();
  };
  const create = (name: string, body: ContainerBody, response: ServerResponse): void => {
    if (containers.has(name)) return answer(response, 409, { message: `the name "${name}" is in use` });
    if (!(body.Image in programs)) return answer(response, 404, { message: `no such image: ${body.Image}` });
    containers.set(name, { name, body, state: 'created', code: 0, child: undefined, waiting: [] });
    created.push({ name, body });
    orBreak('create', response, () => answer(response, 201, { Id: name, Warnings: [] }));
  };
  const start = (container: Container, response: ServerResponse): void => {
    if (container.state === 'running') return answer(response, 304);
    const { Env, Image, Cmd = [] } = container.body;
    const env = Object.fromEntries(Env.map((pair) => pair.split(/=(.*)/s, 2) as [string, string]));
    const child = spawn(process.execPath, [programs[Image] ?? '', ...Cmd], { env, stdio: 'inherit' });
    Object.assign(container, { state: 'running', child });
    child.once('exit', (code) => {
      Object.assign(container, { state: 'exited', code: code ?? 137 });
      const body = JSON.stringify({ StatusCode: container.code });
      for (const waiting of container.waiting.splice(0)) waiting.end(body);
    });
    orBreak('start', response, () => answer(response, 204));
  };
  const list = (query: URLSearchParams, response: ServerResponse): void => {
    const { label = [] } = JSON.parse(query.get('filters') ?? '{}') as { label?: string[] };
    const fits = ({ body }: Container): boolean =>
      label.every((pair) => {
        const [name = '', value] = pair.split(/=(.*)/s, 2);
        return body.Labels[name] === value;
      });
    const shown = [...containers.values()].filter(
      (container) => fits(container) && (query.get('all') === 'true' || container.state === 'running'),
    );
    answer(
      response,
      200,
      shown.map(({ name, body, state }) => ({
        Id: name,
        Names: [`/${name}`],
        Labels: body.Labels,
        State: state,
      })),
    );
  };
  const act = (container: Container, verb: string, method: string, response: ServerResponse): void => {
    if (method === 'DELETE') {
      container.child?.kill('SIGKILL');
      containers.delete(container.name);
      return answer(response, 204);
    }
    if (verb === 'start') return start(container, response);
    if (verb === 'wait') {
      if (container.state === 'exited') return answer(response, 200, { StatusCode: container.code });
      // As the real one: the head at once, the body at the end.
      response.writeHead(200, { 'content-type': 'application/json' }).flushHeaders();
      return void container.waiting.push(response);
    }
    answer(response, 404, { message: 'page not found' });
  };

  const server = createServer((request, response) => {
    void bodyOf(request).then((text) => {
      const { pathname, searchParams } = new URL(request.url ?? '', 'http://engine');
      const [, family, id = '', verb = ''] = pathname.replace(/^\/v[\d.]+/, '').split('/');
      if (family !== 'containers') return answer(response, 404, { message: 'page not found' });
      if (id === 'json') return list(searchParams, response);
      if (id === 'create')
        return create(searchParams.get('name') ?? '', JSON.parse(text) as ContainerBody, response);
      const container = containers.get(decodeURIComponent(id));
      if (container === undefined) return answer(response, 404, { message: `no such container: ${id}` });
      return act(container, verb, request.method ?? '', response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    containers,
    created,
    breakAfter: (call) => void breaking.add(call),
    breakWaits() {
      for (const { waiting } of containers.values())
        for (const response of waiting.splice(0)) response.destroy();
    },
    kill() {
      for (const { child } of containers.values()) child?.kill('SIGKILL');
    },
    async stop() {
      for (const { child } of containers.values()) child?.kill('SIGKILL');
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
