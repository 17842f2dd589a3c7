/** MQTT 5 user properties of the binding. Every name starts with `a2a-`; unknown ones are ignored on reading. */

/** By name; a name that occurs more than once keeps its values in the order of the packet. */
export type UserProperties = Readonly<Record<string, string | readonly string[]>>;

/** Names of all user properties of the binding; what each carries stands beside it. */
export const USER_PROPERTIES = {
  /** On discovery messages: `online` or `offline`. Advisory. */
  status: 'a2a-status',
  /** Who set the status: `agent`, `lwt`, `broker` (EMQX writes `emqx`). */
  statusSource: 'a2a-status-source',
  /** On a card message of an agent that goes to sleep: when it is back, ISO 8601. An addition to the profile. */
  asleepUntil: 'a2a-asleep-until',
  /** On replies from a pool, and to hand a task over: the agent that owns the task from now on. */
  responderAgentId: 'a2a-responder-agent-id',
  requesterAgentId: 'a2a-requester-agent-id',
  recipientAgentId: 'a2a-recipient-agent-id',
  recipientKid: 'a2a-recipient-kid',
  /** `Bearer {token}`, or another scheme word. Never logged, never echoed. */
  authorization: 'a2a-authorization',
  securityProfile: 'a2a-security-profile',
  /** The service parameter A2A-Version. */
  version: 'a2a-version',
  /** The service parameter A2A-Extensions: URIs separated by commas; on replies the activated ones. */
  extensions: 'a2a-extensions',
  /** Must equal the payload's contextId when both are there; the payload wins. */
  contextId: 'a2a-context-id',
  taskId: 'a2a-task-id',
  /** `create` or `continue`; absent means create when unknown. An addition to the profile. */
  taskIntent: 'a2a-task-intent',
  /** 0..n for each correlation. An addition to the profile. */
  streamSeq: 'a2a-stream-seq',
  /** `json` or `binary`. */
  artifactMode: 'a2a-artifact-mode',
  eventType: 'a2a-event-type',
  artifactId: 'a2a-artifact-id',
  chunkSeqno: 'a2a-chunk-seqno',
  lastChunk: 'a2a-last-chunk',
} as const;

/** Every value of a property, in order. Names compare without regard to case (A2A §12.3). */
export function userPropertyValues(properties: UserProperties | undefined, name: string): readonly string[] {
  if (properties === undefined) return [];
  const wanted = name.toLowerCase();
  const found: string[] = [];
  for (const key of Object.keys(properties)) {
    if (key.length !== name.length || (key !== wanted && key.toLowerCase() !== wanted)) continue;
    const value = properties[key];
    if (typeof value === 'string') found.push(value);
    else if (value !== undefined) found.push(...value);
  }
  return found;
}

/** The first value of a property; undefined when it is absent, which is not the same as empty. */
export function userProperty(properties: UserProperties | undefined, name: string): string | undefined {
  return userPropertyValues(properties, name)[0];
}

/** The URIs of `a2a-extensions`. */
export function readExtensions(properties: UserProperties | undefined): readonly string[] {
  return userPropertyValues(properties, USER_PROPERTIES.extensions)
    .flatMap((value) => value.split(','))
    .map((uri) => uri.trim())
    .filter((uri) => uri !== '');
}

/** What we speak and write in `a2a-version`. */
export const A2A_VERSION = '1.0';

/**
 * The negotiated version, Major.Minor, or undefined when we do not speak it (answer `VersionNotSupported`). Absent counts as 1.0 on
 * this binding, unlike A2A §3.6, whose 0.3 never had one; the patch number does not matter.
 */
export function negotiateVersion(requested: string | undefined): typeof A2A_VERSION | undefined {
  if (requested === undefined || requested === '') return A2A_VERSION;
  return /^1\.0(\.\d+)?$/.test(requested) ? A2A_VERSION : undefined;
}
