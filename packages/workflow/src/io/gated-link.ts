import {
  LinkError,
  type Link,
  type PublishAck,
  type PublishOptions,
  type Subscription,
} from '@shoal/mqtt-link';

/**
 * The fenced link as a step sees it: it publishes only while the records have been read on this very connection and still say that
 * this attempt counts (DESIGN rules 5 and 6). Closing it is not the step's business. `ready`: what has to be waited for first, if
 * anything.
 */
export function gatedLink(link: Link, isOpen: () => boolean, ready?: () => Promise<void> | undefined): Link {
  return {
    clientId: link.clientId,
    transport: link.transport,
    get state() {
      return link.state;
    },
    get broker() {
      return link.broker;
    },
    get retainedCount() {
      return link.retainedCount;
    },
    publish(topic: string, payload: Uint8Array | string, options?: PublishOptions) {
      const publish = (): Promise<PublishAck> => {
        if (isOpen()) return link.publish(topic, payload, options);
        return Promise.reject(
          new LinkError('not-connected', 'this attempt has not been confirmed on the present connection'),
        );
      };
      return ready?.()?.then(publish) ?? publish();
    },
    subscribe: (filter, handler, options) => {
      const subscribe = (): Promise<Subscription> => link.subscribe(filter, handler, options);
      return ready?.()?.then(subscribe) ?? subscribe();
    },
    on: (event, listener) => link.on(event, listener),
    close: () => Promise.resolve(),
    destroy: () => undefined,
  };
}
