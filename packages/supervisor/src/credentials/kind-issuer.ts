import type { Credentials } from '@shoal/workflow';
import type { CredentialIssuer } from '../types.ts';

/**
 * One credential for all steps and one for all agents, out of SHOAL_STEP_USERNAME and SHOAL_STEP_PASSWORD, SHOAL_AGENT_USERNAME and
 * SHOAL_AGENT_PASSWORD: who may start things need not be allowed what they do. A kind without a user name has `own`. Undefined when both do.
 */
export function kindIssuer(
  env: Readonly<Record<string, string | undefined>>,
  own: Credentials,
): CredentialIssuer | undefined {
  const of = (name: 'STEP' | 'AGENT'): Credentials | undefined => {
    const username = env[`SHOAL_${name}_USERNAME`];
    const password = env[`SHOAL_${name}_PASSWORD`];
    return username === undefined ? undefined : { username, ...(password === undefined ? {} : { password }) };
  };
  const kinds = { step: of('STEP'), agent: of('AGENT') };
  if (kinds.step === undefined && kinds.agent === undefined) return undefined;
  return { issue: ({ kind }) => Promise.resolve(kinds[kind] ?? own) };
}
