import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { assertIdentifier } from '@shoal/protocol';
import type { ArtifactOwner, ArtifactStore } from '../types/artifact-store.ts';

/**
 * Artifacts as files below a directory that all hosts share: `org/unit/sessionId/stepId/sha256`. A file is written whole and synced
 * before it gets its name. URIs that point outside the directory are not read.
 */
export function fileArtifactStore({ directory }: { readonly directory: string }): ArtifactStore {
  const root = resolve(directory);
  return {
    async put(owner, { bytes, sha256 }) {
      const file = join(folderOf(root, owner), identifier('stepId', owner.stepId), sha256);
      await mkdir(dirname(file), { recursive: true });
      await writeWhole(file, bytes);
      return pathToFileURL(file).href;
    },
    async get(uri, maxBytes) {
      const file = pathOf(uri);
      if (file === undefined || !file.startsWith(root + sep))
        throw new Error(`${uri} is no file of this store`);
      try {
        const { size } = await stat(file);
        if (size > maxBytes) throw new Error(`${uri} has ${size} bytes of at most ${maxBytes}`);
        return await readFile(file);
      } catch (error) {
        if ((error as { code?: unknown }).code === 'ENOENT') return undefined;
        throw error;
      }
    },
    async remove(session) {
      await rm(folderOf(root, session), { recursive: true, force: true });
    },
  };
}

function folderOf(root: string, { org, unit, sessionId }: Omit<ArtifactOwner, 'stepId'>): string {
  const names = [identifier('org', org), identifier('unit', unit), identifier('sessionId', sessionId)];
  return join(root, ...names);
}

/** Identifiers may be `..`. */
function identifier(field: string, value: string): string {
  assertIdentifier(field, value);
  return /^\.+$/.test(value) ? `%${value}` : value;
}

function pathOf(uri: string): string | undefined {
  try {
    return resolve(fileURLToPath(uri));
  } catch {
    return undefined;
  }
}

async function writeWhole(file: string, bytes: Uint8Array): Promise<void> {
  const draft = `${file}.${crypto.randomUUID()}.part`;
  try {
    const handle = await open(draft, 'wx');
    try {
      await handle.writeFile(bytes);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(draft, file);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}
