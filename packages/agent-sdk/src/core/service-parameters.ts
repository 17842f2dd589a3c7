import type { UserProperties } from '@shoal/mqtt-link';
import { USER_PROPERTIES } from '@shoal/protocol';

/** A2A service parameters as they travel in user properties; names are compared without regard to case. */
export interface ServiceParameters {
  /** `a2a-version`; absent means 1.0 on this binding. */
  readonly version?: string;
  /** `a2a-extensions`: URIs of the extensions that the requester wants. */
  readonly extensions: readonly string[];
  /** `a2a-context-id`: must agree with the payload. */
  readonly contextId?: string;
  /** `a2a-task-intent`: `create` or `continue`. */
  readonly taskIntent?: string;
  /** `a2a-artifact-mode`: `json` or `binary`. */
  readonly artifactMode?: string;
  /** W3C Trace Context: not of A2A, but it travels the same way. */
  readonly traceparent?: string;
  readonly tracestate?: string;
}

const NONE: ServiceParameters = { extensions: [] };

export function readServiceParameters(properties: UserProperties): ServiceParameters {
  let read: { -readonly [K in keyof ServiceParameters]: ServiceParameters[K] } | undefined;
  for (const name in properties) {
    const value = first(properties[name]);
    if (value === undefined) continue;
    switch (name.toLowerCase()) {
      case USER_PROPERTIES.version:
        (read ??= { extensions: [] }).version = value.trim();
        break;
      case USER_PROPERTIES.extensions:
        (read ??= { extensions: [] }).extensions = splitList(properties[name]);
        break;
      case USER_PROPERTIES.contextId:
        (read ??= { extensions: [] }).contextId = value;
        break;
      case USER_PROPERTIES.taskIntent:
        (read ??= { extensions: [] }).taskIntent = value;
        break;
      case USER_PROPERTIES.artifactMode:
        (read ??= { extensions: [] }).artifactMode = value;
        break;
      case 'traceparent':
        (read ??= { extensions: [] }).traceparent = value;
        break;
      case 'tracestate':
        (read ??= { extensions: [] }).tracestate = value;
        break;
      default:
    }
  }
  return read ?? NONE;
}

export function first(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === 'string' || value === undefined ? value : value[0];
}

function splitList(value: string | readonly string[] | undefined): string[] {
  const all = typeof value === 'string' ? [value] : (value ?? []);
  return all
    .flatMap((entry) => entry.split(','))
    .map((uri) => uri.trim())
    .filter((uri) => uri !== '');
}
