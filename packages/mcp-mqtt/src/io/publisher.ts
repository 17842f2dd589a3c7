/** Publishing as one end of MCP over MQTT: user properties on each packet, nothing larger than the broker takes. */
import type { Link, UserProperties } from '@shoal/mqtt-link';
import { McpMqttError } from '../core/errors.ts';
import { publishProperties, type McpComponent } from '../core/messages.ts';

const encoder = new TextEncoder();

/** Fixed header, property lengths and the two user properties without their values. */
const OVERHEAD_BYTES = 128;

export interface McpPublishOptions {
  readonly retain?: boolean;
  /** Beside those that MCP over MQTT asks for. */
  readonly userProperties?: UserProperties | undefined;
}

export interface McpPublisher {
  /** Rejects with `message-too-large`, or with the link's own error. */
  publish(topic: string, payload: string, options?: McpPublishOptions): Promise<void>;
}

export function createPublisher(link: Link, component: McpComponent): McpPublisher {
  const userProperties = publishProperties(component, link.clientId);
  return {
    async publish(topic, payload, options = {}) {
      const limit = link.broker?.maximumPacketSize;
      const bytes = byteLength(payload);
      const packetBytes = bytes + byteLength(topic) + byteLength(link.clientId) + OVERHEAD_BYTES;
      if (limit !== undefined && packetBytes > limit) {
        const message = `a message of ${bytes} bytes does not fit the broker's maximum packet size of ${limit} bytes`;
        throw new McpMqttError('message-too-large', message);
      }
      await link.publish(topic, payload, {
        qos: 1,
        payloadIsUtf8: true,
        userProperties:
          options.userProperties === undefined
            ? userProperties
            : { ...userProperties, ...options.userProperties },
        retain: options.retain ?? false,
      });
    },
  };
}

/** As UTF-8; `Buffer.byteLength` exists in Node only. */
function byteLength(text: string): number {
  return encoder.encode(text).length;
}
