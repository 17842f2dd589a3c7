/** HTTP status of an answer of the API; undefined when there was none. */
export function statusOf(error: unknown): number | undefined {
  const { code, statusCode } = (error ?? {}) as { code?: unknown; statusCode?: unknown };
  if (typeof code === 'number') return code;
  return typeof statusCode === 'number' ? statusCode : undefined;
}

/** What the API said, in words: which call, why not, and what to do about it. */
export function refusalOf(what: string, error: unknown): Error {
  const status = statusOf(error);
  if (status === undefined)
    return new Error(`${what}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  const said = messageOf((error as { body?: unknown }).body) ?? (error as Error).message;
  return new Error(`${what}: ${said} (${status})${adviceOf(status, said)}`, { cause: error });
}

function messageOf(body: unknown): string | undefined {
  try {
    const status = (typeof body === 'string' ? JSON.parse(body) : body) as { message?: unknown } | null;
    return typeof status?.message === 'string' ? status.message : undefined;
  } catch {
    return typeof body === 'string' && body !== '' ? body.slice(0, 300) : undefined;
  }
}

function adviceOf(status: number, said: string): string {
  if (status === 401) return '. The credential for the cluster is not valid: see `cluster`';
  if (status === 403 && !said.includes('quota'))
    return '. Give the service account the Role in the README of @shoal/spawner-kubernetes';
  return '';
}
