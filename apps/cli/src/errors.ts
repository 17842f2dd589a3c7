import type { LinkErrorCode } from '@shoal/mqtt-link';
import type { RegistryErrorCode } from '@shoal/registry-client';
import type { WorkflowErrorCode } from '@shoal/workflow';
import type { Outcome } from './exit-codes.ts';

/** A command that cannot do what it was asked for, and why. */
export class CliError extends Error {
  override readonly name = 'CliError';
  readonly outcome: Exclude<Outcome, 'ok'>;
  /** For programs: kebab-case. */
  readonly code: string;

  constructor(
    outcome: Exclude<Outcome, 'ok'>,
    message: string,
    options: { code?: string; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.outcome = outcome;
    this.code = options.code ?? outcome;
  }
}

export function usageError(message: string, code = 'usage'): CliError {
  return new CliError('usage', message, { code });
}

export interface Failure {
  readonly outcome: Exclude<Outcome, 'ok'>;
  readonly code: string;
  readonly message: string;
}

/** The one place where errors of the packages become exit codes. */
export function toFailure(error: unknown): Failure {
  if (error instanceof CliError) {
    const { outcome, code, message } = error;
    return { outcome, code, message: withMend(message, code) };
  }
  const message = error instanceof Error ? error.message : String(error);
  const outcome = outcomeOf(error);
  const code = (error as { code?: unknown } | undefined)?.code;
  return {
    outcome: outcome ?? 'internal',
    code: outcome !== undefined && typeof code === 'string' ? code : (outcome ?? 'internal'),
    message:
      outcome === undefined && error instanceof Error ? (error.stack ?? message) : withMend(message, code),
  };
}

/** What to do about it, where the package that failed cannot know of these commands. */
const MENDS: Readonly<Record<string, string>> = {
  'no-responder': '`shoal agents list` shows who is there',
  'no-agent': '`shoal agents list` shows who is there',
  'no-session': '`shoal session list` shows those that the broker holds',
  'server-not-found': '`shoal devices list` shows those that announce tools',
  'connect-refused': '`shoal doctor` tells what is wrong with it',
};

function withMend(message: string, code: unknown): string {
  const mend = typeof code === 'string' ? MENDS[code] : undefined;
  if (mend === undefined) return message;
  return /[.?!]$/.test(message) ? `${message} ${mend}` : `${message}; ${mend}`;
}

/** By name: asking each package would load it, and most commands need few. */
function outcomeOf(error: unknown): Failure['outcome'] | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code = '', family } = error as { code?: string; family?: string };
  switch (error.name) {
    case 'LinkError':
      return ofLink(error as Error & { code: LinkErrorCode; reasonCode?: number });
    case 'A2aError':
      // What kept the request from being sent says more than that it was not.
      if (code === 'publish-failed') return outcomeOf(error.cause) ?? 'unreachable';
      return A2A[code] ?? (family === 'auth' ? 'refused' : 'failed');
    case 'RegistryError':
      return REGISTRY[code as RegistryErrorCode];
    case 'WorkflowError':
      return WORKFLOW[code as WorkflowErrorCode];
    case 'McpMqttError':
      return MCP[code] ?? 'failed';
    case 'BrokerError':
      return code === 'invalid-options' ? 'usage' : 'failed';
    case 'DeviceToolError':
      return code === 'no-such-command' || code === 'no-such-approval' ? 'not-found' : 'usage';
    case 'ProtocolError':
    case 'ConformanceError':
    case 'ProgramUsageError':
      return 'usage';
    default:
      return undefined;
  }
}

/** CONNACK codes that speak of who we are, not of whether the broker is there. */
const UNAUTHORISED = new Set([0x85, 0x86, 0x87, 0x8a, 0x8c]);

function ofLink(error: { readonly code: LinkErrorCode; readonly reasonCode?: number }): Failure['outcome'] {
  switch (error.code) {
    case 'connect-refused':
      return error.reasonCode !== undefined && UNAUTHORISED.has(error.reasonCode) ? 'refused' : 'unreachable';
    case 'publish-refused':
    case 'subscribe-refused':
      return 'refused';
    case 'invalid-options':
    case 'invalid-topic':
    case 'invalid-property':
      return 'usage';
    case 'ack-timeout':
    case 'snapshot-incomplete':
      return 'timeout';
    case 'aborted':
      return 'interrupted';
    default:
      return 'unreachable';
  }
}

type Table = Readonly<Record<string, Failure['outcome'] | undefined>>;

const A2A: Table = {
  timeout: 'timeout',
  'stream-idle': 'timeout',
  'no-responder': 'not-found',
  'no-agent': 'not-found',
  'task-not-found': 'not-found',
  'publish-refused': 'refused',
  'insecure-transport': 'refused',
  closed: 'unreachable',
  aborted: 'interrupted',
  'invalid-message': 'usage',
};

const REGISTRY: Readonly<Record<RegistryErrorCode, Failure['outcome']>> = {
  'wait-timeout': 'timeout',
  aborted: 'interrupted',
  stopped: 'interrupted',
  'unknown-agent': 'not-found',
  'probe-denied': 'refused',
  'invalid-card': 'usage',
  'not-owner': 'refused',
  'registration-refused': 'refused',
  'registration-not-stored': 'failed',
  'registry-disabled': 'failed',
  'api-unauthorized': 'refused',
  'api-not-found': 'not-found',
  'api-refused': 'usage',
  'api-failed': 'unreachable',
};

const WORKFLOW: Readonly<Record<WorkflowErrorCode, Failure['outcome']>> = {
  'invalid-workflow': 'findings',
  'invalid-request': 'usage',
  'invalid-order': 'usage',
  expression: 'usage',
  'unknown-blueprint': 'usage',
  'no-session': 'not-found',
  'session-ended': 'conflict',
  'not-pending': 'conflict',
};

const MCP: Table = {
  'server-not-found': 'not-found',
  'server-offline': 'not-found',
  'not-allowed': 'refused',
  'connection-lost': 'unreachable',
  'request-timeout': 'timeout',
  'invalid-id': 'usage',
};
