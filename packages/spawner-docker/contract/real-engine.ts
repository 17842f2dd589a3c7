import { execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:net';
import { basename, dirname } from 'node:path';
import { promisify } from 'node:util';
import Docker from 'dockerode';

/** A Docker engine on this machine, with a network for one run of tests. */
export interface RealEngine {
  readonly docker: Docker;
  readonly socketPath: string;
  readonly network: string;
  /** This machine, as a container on that network reaches it. */
  readonly gateway: string;
  readonly close: () => Promise<void>;
}

/** The engine behind the socket that `DOCKER_HOST` names, or the usual one; or why tests cannot use it. */
export async function findEngine(): Promise<RealEngine | { readonly missing: string }> {
  const place = process.env['DOCKER_HOST'] ?? 'unix:///var/run/docker.sock';
  if (!place.startsWith('unix://')) return { missing: 'DOCKER_HOST is not a socket' };
  const socketPath = place.slice('unix://'.length);
  try {
    const { OSType } = (await new Docker({ socketPath, timeout: 10_000 }).info()) as { OSType: string };
    if (OSType !== 'linux') return { missing: `its containers are ${OSType}` };
    // No limit on answers: an end is awaited for longer.
    const docker = new Docker({ socketPath });
    const network = `shoal-test-${randomUUID().slice(0, 8)}`;
    const made = await docker.createNetwork({ Name: network, Driver: 'bridge' });
    const close = async (): Promise<void> => void (await made.remove());
    const { IPAM } = (await made.inspect()) as { IPAM: { Config: { Gateway?: string }[] } };
    const gateway = IPAM.Config[0]?.Gateway ?? '';
    if (await canListen(gateway)) return { docker, socketPath, network, gateway, close };
    await close();
    return { missing: 'its networks do not end on this machine' };
  } catch (error) {
    return { missing: error instanceof Error ? error.message : String(error) };
  }
}

/** Is it an address of this machine? A network without containers is not listed among those. */
function canListen(host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(0, host, () => server.close(() => resolve(true)));
  });
}

/** Makes an image of the Node that runs this, the libraries that it needs, and `program`: no registry has to be reached. */
export async function importStepImage(docker: Docker, image: string, program: string): Promise<void> {
  const { stdout } = await promisify(execFile)('ldd', [process.execPath]);
  const libraries = [...stdout.matchAll(/(?:=> |^\s*)(\/\S+)/gm)].map(([, path = '']) => path);
  const files = [process.execPath, ...libraries].map((path) => path.slice(1));
  const tar = spawn('tar', ['-ch', '-C', '/', ...files, '-C', dirname(program), basename(program)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [repo, tag] = image.split(':');
  const progress = await docker.importImage(tar.stdout, { repo, tag });
  await new Promise<void>((resolve, reject) =>
    docker.modem.followProgress(progress, (error) => (error === null ? resolve() : reject(error))),
  );
}
