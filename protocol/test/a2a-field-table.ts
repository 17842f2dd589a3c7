/**
 * The data model of A2A 1.0, transcribed from the rules of its `a2a.proto` (package `lf.a2a.v1`) in JSON spelling. One line a field:
 *
 *   name        may be absent; absent equals the default
 *   name?       may be absent, and that differs from the default (`optional` in the proto)
 *   name!       REQUIRED
 *   name|group  member of the oneof `group`: exactly one of them
 *
 * Types: string, bool, int32, bytes, Timestamp, Struct, Value, a type of this table; `T[]` repeated, `map<T>` keyed by strings.
 */
export const MESSAGES: Readonly<Record<string, string>> = {
  Task: 'id! string; contextId string; status! TaskStatus; artifacts Artifact[]; history Message[]; metadata Struct',
  TaskStatus: 'state! TaskState; message Message; timestamp Timestamp',
  Message:
    'messageId! string; role! Role; parts! Part[]; contextId string; taskId string; metadata Struct; extensions string[]; ' +
    'referenceTaskIds string[]',
  Part:
    'text|content string; raw|content bytes; url|content string; data|content Value; metadata Struct; filename string; ' +
    'mediaType string',
  Artifact:
    'artifactId! string; parts! Part[]; name string; description string; metadata Struct; extensions string[]',
  TaskStatusUpdateEvent: 'taskId! string; contextId! string; status! TaskStatus; metadata Struct',
  TaskArtifactUpdateEvent:
    'taskId! string; contextId! string; artifact! Artifact; append bool; lastChunk bool; metadata Struct',
  StreamResponse:
    'task|payload Task; message|payload Message; statusUpdate|payload TaskStatusUpdateEvent; ' +
    'artifactUpdate|payload TaskArtifactUpdateEvent',
  SendMessageResponse: 'task|payload Task; message|payload Message',

  SendMessageRequest:
    'message! Message; tenant string; configuration SendMessageConfiguration; metadata Struct',
  SendMessageConfiguration:
    'acceptedOutputModes string[]; taskPushNotificationConfig TaskPushNotificationConfig; historyLength? int32; ' +
    'returnImmediately bool',
  GetTaskRequest: 'id! string; tenant string; historyLength? int32',
  ListTasksRequest:
    'tenant string; contextId string; status TaskState; pageSize? int32; pageToken string; historyLength? int32; ' +
    'statusTimestampAfter Timestamp; includeArtifacts? bool',
  ListTasksResponse: 'tasks! Task[]; nextPageToken! string; pageSize! int32; totalSize! int32',
  CancelTaskRequest: 'id! string; tenant string; metadata Struct',
  SubscribeToTaskRequest: 'id! string; tenant string',
  GetExtendedAgentCardRequest: 'tenant string',
  TaskPushNotificationConfig:
    'url! string; tenant string; id string; taskId string; token string; authentication AuthenticationInfo',
  AuthenticationInfo: 'scheme! string; credentials string',
  GetTaskPushNotificationConfigRequest: 'taskId! string; id! string; tenant string',
  DeleteTaskPushNotificationConfigRequest: 'taskId! string; id! string; tenant string',
  ListTaskPushNotificationConfigsRequest: 'taskId! string; pageSize int32; pageToken string; tenant string',
  ListTaskPushNotificationConfigsResponse: 'configs TaskPushNotificationConfig[]; nextPageToken string',

  AgentCard:
    'name! string; description! string; version! string; supportedInterfaces! AgentInterface[]; ' +
    'capabilities! AgentCapabilities; defaultInputModes! string[]; defaultOutputModes! string[]; skills! AgentSkill[]; ' +
    'provider AgentProvider; documentationUrl? string; iconUrl? string; securitySchemes map<SecurityScheme>; ' +
    'securityRequirements SecurityRequirement[]; signatures AgentCardSignature[]',
  AgentInterface: 'url! string; protocolBinding! string; protocolVersion! string; tenant string',
  AgentProvider: 'url! string; organization! string',
  AgentCapabilities:
    'streaming? bool; pushNotifications? bool; extendedAgentCard? bool; extensions AgentExtension[]',
  AgentExtension: 'uri string; description string; required bool; params Struct',
  AgentSkill:
    'id! string; name! string; description! string; tags! string[]; examples string[]; inputModes string[]; ' +
    'outputModes string[]; securityRequirements SecurityRequirement[]',
  AgentCardSignature: 'protected! string; signature! string; header Struct',
  SecurityRequirement: 'schemes map<StringList>',
  StringList: 'list string[]',
  SecurityScheme:
    'apiKeySecurityScheme|scheme APIKeySecurityScheme; httpAuthSecurityScheme|scheme HTTPAuthSecurityScheme; ' +
    'oauth2SecurityScheme|scheme OAuth2SecurityScheme; openIdConnectSecurityScheme|scheme OpenIdConnectSecurityScheme; ' +
    'mtlsSecurityScheme|scheme MutualTlsSecurityScheme',
  APIKeySecurityScheme: 'location! string; name! string; description string',
  HTTPAuthSecurityScheme: 'scheme! string; bearerFormat string; description string',
  OAuth2SecurityScheme: 'flows! OAuthFlows; oauth2MetadataUrl string; description string',
  OpenIdConnectSecurityScheme: 'openIdConnectUrl! string; description string',
  MutualTlsSecurityScheme: 'description string',
  OAuthFlows:
    'authorizationCode|flow AuthorizationCodeOAuthFlow; clientCredentials|flow ClientCredentialsOAuthFlow; ' +
    'implicit|flow ImplicitOAuthFlow; password|flow PasswordOAuthFlow; deviceCode|flow DeviceCodeOAuthFlow',
  AuthorizationCodeOAuthFlow:
    'authorizationUrl! string; tokenUrl! string; scopes! map<string>; refreshUrl string; pkceRequired bool',
  ClientCredentialsOAuthFlow: 'tokenUrl! string; scopes! map<string>; refreshUrl string',
  DeviceCodeOAuthFlow:
    'deviceAuthorizationUrl! string; tokenUrl! string; scopes! map<string>; refreshUrl string',
  ImplicitOAuthFlow: 'authorizationUrl string; refreshUrl string; scopes map<string>',
  PasswordOAuthFlow: 'tokenUrl string; refreshUrl string; scopes map<string>',
};

/** In the order of their numbers, from 0. */
export const ENUMS: Readonly<Record<string, readonly string[]>> = {
  TaskState: [
    'TASK_STATE_UNSPECIFIED',
    'TASK_STATE_SUBMITTED',
    'TASK_STATE_WORKING',
    'TASK_STATE_COMPLETED',
    'TASK_STATE_FAILED',
    'TASK_STATE_CANCELED',
    'TASK_STATE_INPUT_REQUIRED',
    'TASK_STATE_REJECTED',
    'TASK_STATE_AUTH_REQUIRED',
  ],
  Role: ['ROLE_UNSPECIFIED', 'ROLE_USER', 'ROLE_AGENT'],
};

/** The service: method, request, response; `stream` before a response that repeats. */
export const SERVICE: Readonly<Record<string, readonly [request: string, response: string]>> = {
  SendMessage: ['SendMessageRequest', 'SendMessageResponse'],
  SendStreamingMessage: ['SendMessageRequest', 'stream StreamResponse'],
  GetTask: ['GetTaskRequest', 'Task'],
  ListTasks: ['ListTasksRequest', 'ListTasksResponse'],
  CancelTask: ['CancelTaskRequest', 'Task'],
  SubscribeToTask: ['SubscribeToTaskRequest', 'stream StreamResponse'],
  CreateTaskPushNotificationConfig: ['TaskPushNotificationConfig', 'TaskPushNotificationConfig'],
  GetTaskPushNotificationConfig: ['GetTaskPushNotificationConfigRequest', 'TaskPushNotificationConfig'],
  ListTaskPushNotificationConfigs: [
    'ListTaskPushNotificationConfigsRequest',
    'ListTaskPushNotificationConfigsResponse',
  ],
  GetExtendedAgentCard: ['GetExtendedAgentCardRequest', 'AgentCard'],
  DeleteTaskPushNotificationConfig: ['DeleteTaskPushNotificationConfigRequest', 'Empty'],
};

/** What the schemas ask beyond the table, and why. An entry that no longer applies fails the test too. */
export const STRICTER: Readonly<Record<string, string>> = {
  'Message.messageId minLength 1':
    'deduplication and retries key on it; an empty one would merge all messages of a task',
  'Message.parts minItems 1':
    'A2A §5.7: a REQUIRED array has an element; a message without content means nothing',
  'Artifact.parts minItems 1': 'A2A §5.7, as above',
  'Part.raw contentEncoding base64': 'A2A §5.5: ProtoJSON writes bytes in base64',
  'Part.raw pattern ^[A-Za-z0-9+/_-]*={0,2}$': 'the same; both alphabets, as ProtoJSON parsers accept',
  'SendMessageConfiguration.historyLength minimum 0': 'A2A §3.2.4 gives a meaning to 0 and above only',
  'GetTaskRequest.historyLength minimum 0': 'the same',
  'ListTasksRequest.historyLength minimum 0': 'the same',
  'ListTasksRequest.pageSize minimum 1': 'A2A §3.1.4: 1 to 100, refused otherwise',
  'ListTasksRequest.pageSize maximum 100': 'the same',
  'ListTasksResponse.pageSize minimum 0': 'a count',
  'ListTasksResponse.totalSize minimum 0': 'a count',
};
