import { readPasswordFile } from '@shoal/agent-sdk/program';
import type { Credentials } from '@shoal/workflow';
import type { CredentialIssuer } from '../types.ts';

/**
 * One credential for all steps and one for all agents, out of SHOAL_STEP_USERNAME with SHOAL_STEP_PASSWORD or SHOAL_STEP_PASSWORD_FILE, and the
 * same with AGENT: who may start things need not be allowed what they do. A file is read anew for each start, so that a new password is used at
 * once. A kind without a user name has `own`. Undefined when both do. Throws, and `issue` rejects with, ProgramUsageError for a file that cannot be
 * read.
 */
export function kindIssuer(
  env: Readonly<Record<string, string | undefined>>,
  own: Credentials,
): CredentialIssuer | undefined {
  const of = (name: 'STEP' | 'AGENT'): (() => Credentials) | undefined => {
    const username = env[`SHOAL_${name}_USERNAME`];
    if (username === undefined) return undefined;
    const variable = `SHOAL_${name}_PASSWORD_FILE`;
    return () => {
      const password = env[`SHOAL_${name}_PASSWORD`] ?? readPasswordFile(env[variable], variable);
      return { username, ...(password === undefined ? {} : { password }) };
    };
  };
  const kinds = { step: of('STEP'), agent: of('AGENT') };
  if (kinds.step === undefined && kinds.agent === undefined) return undefined;
  for (const read of Object.values(kinds)) read?.();
  return { issue: async ({ kind }) => kinds[kind]?.() ?? own };
}
