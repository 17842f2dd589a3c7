import { LinkError, type Link, type PublishOptions } from '@shoal/mqtt-link';

/**
 * The fenced link as a step sees it: it publishes only while the records have been read on this very connection and still say that
 * this attempt counts (DESIGN rules 5 and 6). Closing it is not the step's business.
 */
export function gatedLink(link: Link, isOpen: () => boolean): Link {
  return {
    clientId: link.clientId,
    transport: link.transport,
    get state() {
      return link.state;
    },
    get broker() {
      return link.broker;
    },
    publish(topic: string, payload: Uint8Array | string, options?: PublishOptions) {
      if (isOpen()) return link.publish(topic, payload, options);
      return Promise.reject(
        new LinkError('not-connected', 'this attempt has not been confirmed on the present connection'),
      );
    },
    subscribe: (filter, handler, options) => link.subscribe(filter, handler, options),
    on: (event, listener) => link.on(event, listener),
    close: () => Promise.resolve(),
    destroy: () => undefined,
  };
}
