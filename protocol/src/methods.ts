/** The operations of A2A 1.0 (§5.3, §9.4): the JSON-RPC method names and the documents that they take and give. */

interface MethodShape {
  readonly params: string;
  /** The document in `result`; `null` for DeleteTaskPushNotificationConfig, whose result is null or `{}`. */
  readonly result: string | null;
  /** Many replies, each with one `result`. */
  readonly stream: boolean;
  /** The capability that the card must declare. */
  readonly capability: 'streaming' | 'pushNotifications' | 'extendedAgentCard' | null;
}

const push = { stream: false, capability: 'pushNotifications' } as const;

/** By JSON-RPC method: the documents that it takes and gives, whether it streams, and the capability that a card must declare for it. */
export const METHODS = {
  SendMessage: {
    params: 'SendMessageRequest',
    result: 'SendMessageResponse',
    stream: false,
    capability: null,
  },
  SendStreamingMessage: {
    params: 'SendMessageRequest',
    result: 'StreamResponse',
    stream: true,
    capability: 'streaming',
  },
  GetTask: { params: 'GetTaskRequest', result: 'Task', stream: false, capability: null },
  ListTasks: { params: 'ListTasksRequest', result: 'ListTasksResponse', stream: false, capability: null },
  CancelTask: { params: 'CancelTaskRequest', result: 'Task', stream: false, capability: null },
  SubscribeToTask: {
    params: 'SubscribeToTaskRequest',
    result: 'StreamResponse',
    stream: true,
    capability: 'streaming',
  },
  CreateTaskPushNotificationConfig: {
    params: 'TaskPushNotificationConfig',
    result: 'TaskPushNotificationConfig',
    ...push,
  },
  GetTaskPushNotificationConfig: {
    params: 'GetTaskPushNotificationConfigRequest',
    result: 'TaskPushNotificationConfig',
    ...push,
  },
  ListTaskPushNotificationConfigs: {
    params: 'ListTaskPushNotificationConfigsRequest',
    result: 'ListTaskPushNotificationConfigsResponse',
    ...push,
  },
  DeleteTaskPushNotificationConfig: {
    params: 'DeleteTaskPushNotificationConfigRequest',
    result: null,
    ...push,
  },
  GetExtendedAgentCard: {
    params: 'GetExtendedAgentCardRequest',
    result: 'AgentCard',
    stream: false,
    capability: 'extendedAgentCard',
  },
} as const satisfies Readonly<Record<string, MethodShape>>;

export type MethodName = keyof typeof METHODS;

/** Whether it is an operation of A2A 1.0; names are case-sensitive, and those of 0.3 (`message/send`) are none. */
export function isMethod(name: unknown): name is MethodName {
  return typeof name === 'string' && Object.hasOwn(METHODS, name);
}

/** How an Agent Card names this binding in `supportedInterfaces[].protocolBinding`: our URI, or the label of the profile's SDK. */
export const MQTT_BINDING = {
  uri: 'urn:shoal:a2a-over-mqtt:0.1',
  label: 'MQTTv5+JSONRPCv2',
} as const;

/** Whether a `protocolBinding` of a card means this binding; upper and lower case are the same. */
export function isMqttBinding(protocolBinding: string): boolean {
  const name = protocolBinding.toLowerCase();
  return name === MQTT_BINDING.uri || name === MQTT_BINDING.label.toLowerCase();
}
