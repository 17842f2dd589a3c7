import type { Requirement } from './requirement.ts';

/**
 * Every MUST, SHOULD and MAY of the A2A-over-MQTT profile 0.1, in our words; the ids are those of the checklist that Shoal uses.
 * X rows are what A2A 1.0, JSON-RPC 2.0 and MQTT 5 demand beyond it, as far as the profile makes them normative.
 * A row: id, level, roles, part, section, text.
 */
const ROWS = `
T1|MUST|responder|core|Topic Model|Agent Cards are published retained at $a2a/v1/discovery/{org}/{unit}/{agent}
T2|SHOULD|responder,requester|core|Topic Model|Interaction topics are $a2a/v1/{request,reply,event}/{org}/{unit}/{agent}
T3|MUST|responder,requester|shared-subscription|Topic Model|Pool requests go to $a2a/v1/request/{org}/{unit}/pool/{pool}
I1|MUST|requester,responder|core|Identifier Format 1|Org, unit, agent, pool and group ids match ^[A-Za-z0-9_.-]+$
S1|MUST|requester,responder|core|Client Session Requirements 1|MQTT 5 is used
S2|MUST|requester|core|Client Session Requirements 2|The reply topic is subscribed before a request names it as Response Topic
S3|MUST|requester,responder|core|Client Session Requirements 3|The MQTT client id is {org}/{unit}/{agent}
S4|SHOULD|requester|core|Client Session Requirements 4|Reply topic suffixes do not collide between requesters
S5|SHOULD|requester,responder|core|Client Session Requirements 5|A lost connection is opened again with its subscriptions
S6|MUST|requester,responder|oauth|Client Session Requirements 6|Connections that carry bearer tokens use TLS
DI1|MAY|requester|informative|Discovery Interoperability 1|Cards may be found over HTTP
DI2|SHOULD|responder|core|Discovery Interoperability 2|Publishing a retained card is recommended
DI3|MAY|requester|informative|Discovery Interoperability 3|An MQTT interface of an HTTP card may be chosen
DP1|SHOULD|responder|core|Discovery Publisher Behavior 1|The card is published with QoS 1
DP2|SHOULD|responder|core|Discovery Publisher Behavior 2|Unregistering deletes the retained card
DP3|SHOULD|responder|core|Discovery Publisher Behavior 3|An updated card is published whole
DS1|SHOULD|subscriber|core|Discovery Subscriber Behavior 1|Subscribers use scoped filters
DS2|MUST|subscriber|core|Discovery Subscriber Behavior 2|Retained cards count as the current registration
DS3|SHOULD|subscriber|core|Discovery Subscriber Behavior 3|A later card replaces the earlier one
DS4|MAY|subscriber|informative|Discovery Subscriber Behavior 4|HTTP and MQTT cards may be merged
DS5|SHOULD|subscriber|core|Discovery Subscriber Behavior 5|a2a-status is read
PL1|SHOULD|responder|core|Liveness via Discovery Topic User Properties 1|The card is published with a2a-status=online
PL2|SHOULD|responder|core|Liveness via Discovery Topic User Properties 2|The card is published with a2a-status-source=agent
LW1|SHOULD|responder|core|Last Will and Testament 1|The will is the card on the discovery topic: retained, QoS 1, offline, source lwt
LW2|MUST|broker|core|Last Will and Testament 2|On an ungraceful loss the will replaces the retained card, and subscribers hear of it
LW3|SHOULD|responder|core|Last Will and Testament 3|Before a graceful disconnect the card is published as offline, source agent
LW4|MAY|responder|informative|Last Will and Testament 4|The will carries the card of the time of CONNECT
PS1|SHOULD|subscriber|core|Presence Subscriber Behavior 1|online and offline are told apart
PS2|MUST|requester,subscriber|core|Presence Subscriber Behavior 2|a2a-status is advisory
PS3|MUST|requester|core|Presence Subscriber Behavior 2|Status never replaces the handling of errors and retries
PS4|SHOULD|subscriber|core|Presence Subscriber Behavior 3|No retained card means unregistered or unavailable
PS5|MAY|responder|core|Presence Subscriber Behavior 4|A GetTask for an unknown id is answered, so it can serve as a probe
RR1|SHOULD|requester|core|Request/Reply Mapping 1|Requests go to the target's request topic with QoS 1
RR2|MUST|requester|core|Request/Reply Mapping 2|Requests carry Response Topic and Correlation Data
RR3|MUST|responder|core|Request/Reply Mapping 3|Replies go to the given Response Topic
RR4|MUST|responder|core|Request/Reply Mapping 3|Replies echo the Correlation Data byte for byte
RR5|SHOULD|responder|core|Request/Reply Mapping 3|Replies have QoS 1
RR6|SHOULD|requester|core|Request/Reply Mapping 4|The reply topic is $a2a/v1/reply/{org}/{unit}/{agent}/{suffix}
RR7|MUST|requester,responder|core|Request/Reply Mapping 5|Correlation Data is not used as a task id
RR8|MUST|requester|core|Request/Reply Mapping 6|A new task has a UUIDv4 of the requester in message.taskId
RR9|MUST|responder|core|Request/Reply Mapping 7|The requester's task id is the id of the task
RR10|MUST|responder|core|Request/Reply Mapping 7|Every reply and stream item of a task carries its id
RR11|MUST|requester|core|Request/Reply Mapping 8|Later operations use the same task id
RR12|MAY|requester|core|Request/Reply Mapping 9|A contextId may be sent
RQ1|MUST|requester|core|Requester Behavior 1|Requests in flight are told apart by Correlation Data
RQ2|MUST|requester|core|Requester Behavior 2|Correlation Data is unique among the requests in flight on a reply topic
RQ3|SHOULD|requester|core|Requester Behavior 3|Requests have QoS 1
RQ4|MUST|requester|oauth|Requester Behavior 4|A target that needs auth properties gets them
RQ5|MUST|requester|core|Requester Behavior 5|Replies with unknown or without Correlation Data are ignored as protocol errors
RQ6|MUST|requester|shared-subscription|Requester Behavior 6|A pooled reply without a2a-responder-agent-id is a protocol error
RQ7|MUST|requester|shared-subscription|Requester Behavior 7|The responder of a pooled task is kept
RQ8|SHOULD|requester|shared-subscription|Requester Behavior 8|Follow-ups go to the responder directly once it is known
RQ9|MUST|requester|core|Requester Behavior 9|The retry and timeout profile is implemented
RS1|MUST|responder|core|Responder Behavior 1|The own request topic is subscribed
RS2|MAY|responder|shared-subscription|Responder Behavior 1|Pool topics may be subscribed too
RS3|SHOULD|responder|core|Responder Behavior 2|Requests without Response Topic or Correlation Data are rejected or dropped
RS4|MUST|responder|core|Responder Behavior 3|Payloads are validated; faults are answered with an error
RS5|MUST|responder|core|Responder Behavior 4|The requester's UUIDv4 is accepted for a new task
RS6|MUST|responder|core|Responder Behavior 4|A request without task id is rejected as invalid protocol input
RS7|MUST|responder|core|Responder Behavior 4|A malformed task id is rejected as invalid protocol input
RS8|MUST|responder|core|Responder Behavior 5|Correlation Data is echoed unchanged on all replies and stream items
RS9|SHOULD|responder|core|Responder Behavior 6|Replies and stream items have QoS 1
RS10|MUST|responder|shared-subscription|Responder Behavior 7|Pooled replies carry a2a-responder-agent-id
RS11|MUST|responder|core|Responder Behavior 8|Bearer tokens are never echoed
H1|MAY|responder|handover|Optional Task Handover 1|A task may be handed over
H2|MUST|responder|handover|Optional Task Handover 2|Handover is signalled by a2a-responder-agent-id = the delegate
H3|SHOULD|requester|handover|Optional Task Handover 3|Later operations go to the delegate
H4|MAY|requester|handover|Optional Task Handover 4|The property may come with any reply or item
H5|MUST|requester|handover|Optional Task Handover 4|The latest value for a task id wins
H6|MUST|requester,responder|handover|Optional Task Handover 5|Handover does not change the task id
H7|MAY|responder|informative|Optional Task Handover 6|Without handover the owner of the card routes inside
C1|SHOULD|requester|core|Context Identifier Semantics 2|A new conversation has a UUIDv4 contextId of the requester
C2|MAY|responder|core|Context Identifier Semantics 3|A missing contextId may be generated; a task always has one
C3|MUST|responder|core|Context Identifier Semantics 4|The contextId is kept and echoed in all replies
C4|MUST|responder|core|Context Identifier Semantics 5|An unknown contextId starts a new context
C5|MUST|responder|core|Context Identifier Semantics 6|A contextId that is not the task's is rejected
C6|MUST|responder|core|Context Identifier Semantics 6|That error is -32602
C7|MAY|requester|core|Context Identifier Semantics 7|a2a-context-id may be set
C8|MUST|responder,requester|core|Context Identifier Semantics 7|a2a-context-id and the payload's contextId match
C9|MAY|responder|informative|Context Identifier Semantics 8|State may be kept for a context
C10|MAY|responder|informative|Context Identifier Semantics 9|Contexts may expire; the card should say when
M1|MUST|requester|core|Interaction Patterns 1|A new conversation has a new contextId, task id and correlation
M2|MUST|responder|core|Interaction Patterns 2|A new turn is a new task in the same context
M3|MUST|responder,requester|core|Interaction Patterns 3|An interrupted task goes on with the same ids on a new correlation
M4|MUST|requester,responder|core|Interaction Patterns 4|A retry has the same ids and a new correlation
RT1|MUST|requester|core|Retry and Timeout 2|Defaults: 15 s, 30 s, 3 attempts, 1-2-4 s with 20 % jitter; configurable
RT2|MUST|requester|core|Retry and Timeout 3|Each attempt has new Correlation Data
RT3|MUST|requester|core|Retry and Timeout 3|All attempts have the same task id
RT4|MUST|responder|core|Retry and Timeout 4|Retried requests are recognised by their task id
RT5|MUST|responder|core|Retry and Timeout 4|A retry is answered with the existing state; no second task is made
RT6|MUST|requester|core|Retry and Timeout 5|The first valid correlated reply ends the retries
RT7|MUST|requester|core|Retry and Timeout 6|A publish that is not accepted is tried again
RT8|MUST|requester|core|Retry and Timeout 6|A request without a first reply is tried again
RT9|MUST|requester|core|Retry and Timeout 7|After a stream item the request is not published again
RT10|SHOULD|requester|core|Retry and Timeout 8|A stalled stream is looked after with GetTask
RT11|MUST|requester|shared-subscription|Retry and Timeout 9|Before a responder is known, retries go to the pool
RT12|MUST|requester|shared-subscription|Retry and Timeout 9|After that they go to the responder
RT13|SHOULD|requester|core|Retry and Timeout 10|A Message Expiry exceeds the first-reply timeout
P1|MUST|requester|shared-subscription|Optional Shared Subscription Dispatch 3|Pooled tasks are published to the pool's request topic
P2|MUST|requester|shared-subscription|Optional Shared Subscription Dispatch 3|Nothing is published to $share/…
P3|MAY|responder|shared-subscription|Optional Shared Subscription Dispatch 4|Members may consume through $share/{group}/{pool request topic}
P4|MUST|responder|shared-subscription|Optional Shared Subscription Dispatch 5|All members use one group id
P5|SHOULD|responder|shared-subscription|Optional Shared Subscription Dispatch 6|The group id is deterministic: a2a.{org}.{unit}.{pool}
P6|SHOULD|responder|shared-subscription|Optional Shared Subscription Dispatch 7|Labels from outside are made fit with _
P7|MUST|responder|shared-subscription|Optional Shared Subscription Dispatch 8|No random group ids
P8|SHOULD|responder|shared-subscription|Optional Shared Subscription Dispatch 9|Group ids over 64 characters are cut and get a hash
P9|MUST|responder|shared-subscription|Optional Shared Subscription Dispatch 10|Pooled replies name the concrete agent id
P10|SHOULD|requester|shared-subscription|Optional Shared Subscription Dispatch 11|The responder is kept and asked directly afterwards
P11|MAY|responder|informative|Optional Shared Subscription Dispatch 12|A registrar may publish the pool's metadata
P12|MUST|broker|shared-subscription|Optional Shared Subscription Dispatch 4|A shared subscription to a $a2a topic delivers each request to one member
ST1|MUST|responder|core|Streaming Reply Mapping 1|Each stream item is one message to the Response Topic
ST2|MUST|responder|core|Streaming Reply Mapping 2|Each item has the request's Correlation Data
ST3|SHOULD|responder|core|Streaming Reply Mapping 3|Items are A2A stream updates
ST4|SHOULD|responder|core|Streaming Reply Mapping 4|Items have QoS 1
ST5|MUST|responder|core|Streaming Reply Mapping 5|A terminal status ends the stream
ST6|MUST|requester|core|Streaming Reply Mapping 6|The requester completes on a terminal status
ST7|MUST|requester,responder|core|Streaming Reply Mapping 7|INPUT_REQUIRED and AUTH_REQUIRED end the stream of this correlation
ST8|MAY|requester|core|Streaming Reply Mapping 8|GetTask may be used when no terminal status comes
ST9|MAY|requester|informative|Streaming Reply Mapping 9|The rule is not for event topics
E1|MAY|responder|informative|Event Delivery 1|Events may have QoS 0
E2|MAY|requester|informative|Event Delivery 2|Events are outside of correlation
Q1|MUST|broker,requester,responder|core|QoS Guidance 3|QoS 1 is supported on discovery, request and reply topics
Q2|MAY|broker|core|QoS Guidance 2|PUBACK may say that nobody subscribes (0x10)
U1|MUST|responder,requester|core|A2A User Property Naming 1|Properties of the binding start with a2a-
U2|SHOULD|responder,requester|core|A2A User Property Naming 2|Further properties of implementations start with a2a- too
A1|SHOULD|responder|core|Agent Card Requirements 1|The card conforms to the A2A Agent Card
A2|MAY|responder|informative|Agent Card Requirements 2|Transport metadata may be in extensions
A3|MUST|responder|informative|Agent Card Requirements 3|Extensions do not redefine core semantics
SM1|MAY|responder|jku|Security Metadata and Trust 1|A card may name its jwksUri
SM2|MAY|broker|jku|Security Metadata and Trust 2|A broker may reject an untrusted jwksUri
SM3|SHOULD|requester,responder|jku|Security Metadata and Trust 3|JWKS are read over HTTPS with validation
O1|MUST|requester|oauth|OAuth 2.0 and OIDC 2|A token is sent with each request as a2a-authorization: Bearer …
O2|MUST|responder|oauth|OAuth 2.0 and OIDC 3|Authentication to the broker does not replace it
O3|MUST|responder|oauth|OAuth 2.0 and OIDC 4|exp, iss, aud and scopes are validated before the work begins
O4|MUST|requester|oauth|OAuth 2.0 and OIDC 5|Tokens travel over TLS only
O5|MUST|responder,requester|core|OAuth 2.0 and OIDC 6|Tokens are not echoed in payloads or properties
O6|SHOULD|requester|oauth|OAuth 2.0 and OIDC 7|Expired tokens are replaced before a retry
B1|MUST|requester,responder|ubsp|Untrusted-Broker Security Profile 3|All payloads of the interaction are encrypted
B2|MUST|requester,responder|ubsp|Untrusted-Broker Security Profile 4|JWE with content type application/jose or application/jose+json
B3|MUST|requester|ubsp|Untrusted-Broker Security Profile 5|Requests are encrypted to the responder's key
B4|MUST|responder|ubsp|Untrusted-Broker Security Profile 6|Replies are encrypted to the requester's key
B5|MUST|requester|ubsp|Untrusted-Broker Security Profile 7|The requester's public key can be found
B6|MUST|requester|ubsp|Untrusted-Broker Security Profile 8|Requests carry profile, requester and recipient ids
B7|MUST|responder|ubsp|Untrusted-Broker Security Profile 9|Replies carry profile, requester and responder ids
B8|MAY|requester,responder|ubsp|Untrusted-Broker Security Profile 10|a2a-recipient-kid may be set
B9|MUST|responder|ubsp|Untrusted-Broker Security Profile 11|Another recipient is rejected as transport_protocol_error
B10|SHOULD|requester,responder|ubsp|Untrusted-Broker Security Profile 12|Replays are rejected
N1|MAY|requester|binary|Native Binary Artifact Mode 4|a2a-artifact-mode json or binary may be asked for
N2|MAY|responder|binary|Native Binary Artifact Mode 5|Raw chunks may be sent when asked for
N3|MUST|responder|core|Native Binary Artifact Mode 6|json is used when the mode is absent, unknown or unsupported
N4|SHOULD|responder|binary|Native Binary Artifact Mode 7|The reply names the chosen mode
N5|MUST|responder|binary|Native Binary Artifact Mode 8|A chunk has correlation, payload format 0, content type and the five properties
N6|MAY|responder|binary|Native Binary Artifact Mode 8|a2a-context-id may be on a chunk
N7|MUST|responder|binary|Native Binary Artifact Mode 9|Values that are not strings are encoded as strings
N8|SHOULD|responder|binary|Native Binary Artifact Mode 10|Chunks have QoS 1
N9|MUST|responder|binary|Native Binary Artifact Mode 11|The last chunk ends the artifact, not the stream
BS1|MAY|broker|broker-status|Optional Broker-Managed Status|A broker may set the status itself
BS2|SHOULD|broker|broker-status|Optional Broker-Managed Status 1|online, offline, and source broker are set from the connection's state
BS3|SHOULD|broker|broker-status|Optional Broker-Managed Status 2|The status is keyed by client id
BS4|MUST|subscriber|broker-status|Optional Broker-Managed Status 3|The broker's status is advisory too
BS5|SHOULD|subscriber|broker-status|Optional Broker-Managed Status 4|The broker's status is preferred
ED1|MUST|requester,responder|core|Error Handling and Deduplication 1|Duplicates of QoS 1 are tolerated
ED2|SHOULD|requester|binary|Error Handling and Deduplication 2|Items are deduplicated by the keys they have
ED3|SHOULD|responder|core|Error Handling and Deduplication 3|Unknown a2a- properties are ignored
ED4|MAY|requester|core|Error Handling and Deduplication 4|Message Expiry may be used
ED5|SHOULD|responder|core|Error Handling and Deduplication 5|Stale requests are dropped, or answered as expired
EM1|MUST|responder|core|Error Mapping 1|Errors are JSON-RPC error objects
EM2|MUST|responder|core|Error Mapping 2|Errors echo the Correlation Data
EM3|MUST|responder|core|Error Mapping 3|Generic and A2A errors have the codes of JSON-RPC and A2A
EM4|MUST|responder|core|Error Mapping 4|-32003, -32004 and -32005 of the binding carry data.a2a_error
EM5|MUST|requester|core|Error Mapping 7|-32003 and -32004 of the binding are retryable for the application
EM6|MUST|requester|core|Error Mapping 8|-32005 of the binding is not retryable
X1|MUST|responder|core|A2A §5.6.1|Timestamps are UTC and end with Z
X2|MUST|responder|core|A2A §3.1.5|CancelTask answers with the task
X3|MUST|responder|core|A2A §3.1.2|A stream begins with the task, or is one message
X4|MUST|responder|core|A2A §3.1.4|ListTasks pages through the tasks
X5|MUST|responder|core|A2A §3.1.6|SubscribeToTask begins with the task; its subscribers see the same order
X6|MUST|responder|core|A2A §3.1.3|GetTask answers with the task; historyLength limits its history
X7|MUST|responder|core|JSON-RPC 2.0 §5|A reply has the id of its request
X8|MUST|responder|core|A2A §3.4.3|A message for a finished task is refused
X9|SHOULD|responder,requester|core|MQTT 5 §3.3.2.3|JSON payloads say so: content type application/json
X10|MUST|responder|reading|A2A §3.6|An unsupported A2A-Version is refused with -32009 (the profile does not say how it travels)
X11|MUST|responder|reading|A2A §3.3.4|A required extension that is not requested is refused with -32008 (the profile does not say how it travels)
X12|MUST|broker|core|MQTT 5 §3.3.1.3, §3.3.2|Retained messages keep payload, user properties, correlation and content type for later subscribers
X13|MUST|broker|core|MQTT 5 §4.7.2|Wildcards at the first level do not match $a2a topics
X14|MUST|broker|core|MQTT 5 §3.3.2.3.3|Message Expiry is honoured and counted down
X15|MUST|broker|core|MQTT 5 §3.1.2.11.2|A session with an expiry keeps QoS 1 requests for a client that is away
X16|MUST|broker|core|MQTT 5 §3.1.4|A second connection with the same client id ends the first
X21|SHOULD|broker|core|MQTT 5 §3.1.4|The first is told so by DISCONNECT 0x8E
X17|MUST|broker|core|MQTT 5 §4.6|Messages of one topic arrive in the order of their publication
X18|MUST|broker|core|MQTT 5 §3.3.2.3.7|User properties keep their order, and names may repeat
X20|MAY|responder|core|A2A §3.1.1|An answer may be one message; then there is no task
X22|MUST|requester|core|A2A §3.1.1|An answer that is one message ends the call
X19|SHOULD|requester,responder|core|MQTT 5 §3.3.1.3|Requests and replies are not retained
`;

/** Each statement of the profile, and of the specifications below it that it leans on, once; scenarios cite them by `id`. */
export const REQUIREMENTS: readonly Requirement[] = ROWS.trim()
  .split('\n')
  .map((row) => {
    const [id = '', level, roles = '', part, section = '', text = ''] = row.split('|');
    return {
      id,
      level: level as Requirement['level'],
      roles: roles.split(',') as Requirement['roles'],
      part: part as Requirement['part'],
      section,
      text,
    };
  });
