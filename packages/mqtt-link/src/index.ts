export type {
  BrokerFeatures,
  InboundMessage,
  Link,
  LinkEvents,
  LinkOptions,
  LinkState,
  LinkTlsOptions,
  LinkTransport,
  Logger,
  MessageHandler,
  PublishAck,
  PublishOptions,
  Qos,
  SubscribeOptions,
  Subscription,
  UserProperties,
  WillOptions,
} from './link.ts';
export { isLinkError, LinkError, type LinkErrorCode } from './core/link-error.ts';
export { assertTopicFilter, assertTopicName, matchTopic } from './core/topic.ts';
export { consoleLogger, silentLogger, type LogLevel } from './io/logger.ts';
export { canShare } from './io/can-share.ts';
export { openLink } from './io/open-link.ts';
export {
  createReplyRouter,
  type PendingReply,
  type ReplyRequestOptions,
  type ReplyRouter,
} from './io/reply-router.ts';
export {
  readRetained,
  scanRetained,
  type ReadRetainedOptions,
  type RetainedScan,
} from './io/read-retained.ts';
export { markerTopicOf, retainedArrived, type RetainedArrivedOptions } from './io/retained-arrived.ts';
