/** The parts of a Pod and a Job, as the cluster shows them, that tell how its instance is. */
export interface PodSeen {
  readonly metadata?: { readonly deletionTimestamp?: unknown };
  readonly status?: {
    readonly phase?: string;
    readonly reason?: string;
    readonly message?: string;
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly reason?: string;
      readonly message?: string;
    }[];
    readonly containerStatuses?: readonly {
      readonly state?: {
        readonly waiting?: { readonly reason?: string; readonly message?: string };
        readonly terminated?: { readonly exitCode: number; readonly reason?: string };
      };
    }[];
  };
}

export interface JobSeen {
  readonly spec?: { readonly suspend?: boolean };
  readonly status?: {
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly reason?: string;
    }[];
  };
}

/** `lost`: nobody can say, its node is not heard. */
export type Evidence =
  | { readonly state: 'waiting' | 'running' | 'clean' }
  | { readonly state: 'died' | 'lost'; readonly why: string };

/** Reasons for which a container waits that no waiting mends. */
const CANNOT_START = new Set([
  'CreateContainerConfigError',
  'CreateContainerError',
  'ErrImageNeverPull',
  'ImageInspectError',
  'ImagePullBackOff',
  'InvalidImageName',
]);

export function evidenceOfPod({ status = {} }: PodSeen): Evidence {
  const { phase, reason, conditions = [], containerStatuses = [] } = status;
  const { waiting, terminated } = containerStatuses[0]?.state ?? {};
  if (terminated !== undefined)
    return terminated.exitCode === 0
      ? { state: 'clean' }
      : { state: 'died', why: `${terminated.reason ?? 'Error'}, exit code ${terminated.exitCode}` };
  if (phase === 'Succeeded') return { state: 'clean' };
  if (phase === 'Failed') return { state: 'died', why: reason ?? status.message ?? 'the Pod failed' };
  const isUnheard =
    phase === 'Unknown' ||
    reason === 'NodeLost' ||
    conditions.some(
      ({ type, status: holds, reason: why }) =>
        type === 'DisruptionTarget' && holds === 'True' && why === 'DeletionByTaintManager',
    );
  if (isUnheard) return { state: 'lost', why: reason ?? 'its node is not heard' };
  if (phase === 'Running') return { state: 'running' };
  if (waiting?.reason !== undefined && CANNOT_START.has(waiting.reason))
    return { state: 'died', why: `${waiting.reason}: ${waiting.message ?? 'no more is said'}` };
  return { state: 'waiting' };
}

/** What a Pod that has not started waits for, in the words of the cluster. */
export function delayOf({ status = {} }: PodSeen): string {
  const { conditions = [], containerStatuses = [] } = status;
  const place = conditions.find(({ type, status: holds }) => type === 'PodScheduled' && holds === 'False');
  const { reason, message } = place ?? containerStatuses[0]?.state?.waiting ?? {};
  return [reason, message].filter((part) => part !== undefined).join(': ') || 'the cluster does not say why';
}

export function evidenceOfJob({ spec = {}, status = {} }: JobSeen): Evidence {
  for (const { type, status: holds, reason } of status.conditions ?? []) {
    if (holds !== 'True') continue;
    if (type === 'Complete') return { state: 'clean' };
    if (type === 'Failed') return { state: 'died', why: reason ?? 'the Job failed' };
  }
  return { state: spec.suspend === true ? 'waiting' : 'running' };
}
