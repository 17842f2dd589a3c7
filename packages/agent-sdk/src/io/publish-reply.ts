import type { Link, PublishAck, UserProperties } from '@shoal/mqtt-link';
import type { ReplyPath } from '../core/decode-request.ts';

export interface ReplyOptions {
  readonly userProperties?: UserProperties;
  /** Gives up waiting for the acknowledgement. */
  readonly signal?: AbortSignal;
  /** Longest wait for the acknowledgement in milliseconds. Default: the link's. */
  readonly ackTimeoutMs?: number;
}

/** Publishes one reply or stream item: QoS 1, never retained, the request's correlation unchanged (profile: Request/Reply 3 to 5). */
export function publishReply(
  link: Link,
  path: ReplyPath,
  payload: string,
  options: ReplyOptions = {},
): Promise<PublishAck> {
  const { responseTopic, correlationData, seal } = path;
  const message = {
    qos: 1,
    contentType: 'application/json',
    payloadIsUtf8: true,
    ...(correlationData === undefined ? {} : { correlationData }),
    ...options,
    ...propertiesOf(path, options),
  } as const;
  if (seal === undefined) return link.publish(responseTopic, payload, message);
  return seal.seal(payload).then((sealed) =>
    link.publish(responseTopic, sealed.payload, {
      ...message,
      contentType: sealed.contentType,
      userProperties: { ...message.userProperties, ...sealed.userProperties },
    }),
  );
}

function propertiesOf(path: ReplyPath, options: ReplyOptions): Pick<ReplyOptions, 'userProperties'> {
  if (path.userProperties === undefined) return {};
  return { userProperties: { ...path.userProperties, ...options.userProperties } };
}
