"""The operations of A2A 1.0 (§5.3, §9.4) and the task states, spelled as on the wire."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Method:
    """`result` is None where the result is null or `{}`; `stream`: many replies, each with one result."""

    params: str
    result: str | None
    stream: bool = False
    #: What the card must declare.
    capability: Literal["streaming", "pushNotifications", "extendedAgentCard"] | None = None


_PUSH = "TaskPushNotificationConfig"

METHODS: Mapping[str, Method] = {
    "SendMessage": Method("SendMessageRequest", "SendMessageResponse"),
    "SendStreamingMessage": Method("SendMessageRequest", "StreamResponse", True, "streaming"),
    "GetTask": Method("GetTaskRequest", "Task"),
    "ListTasks": Method("ListTasksRequest", "ListTasksResponse"),
    "CancelTask": Method("CancelTaskRequest", "Task"),
    "SubscribeToTask": Method("SubscribeToTaskRequest", "StreamResponse", True, "streaming"),
    f"Create{_PUSH}": Method(_PUSH, _PUSH, capability="pushNotifications"),
    f"Get{_PUSH}": Method(f"Get{_PUSH}Request", _PUSH, capability="pushNotifications"),
    f"List{_PUSH}s": Method(f"List{_PUSH}sRequest", f"List{_PUSH}sResponse", capability="pushNotifications"),
    f"Delete{_PUSH}": Method(f"Delete{_PUSH}Request", None, capability="pushNotifications"),
    "GetExtendedAgentCard": Method("GetExtendedAgentCardRequest", "AgentCard", capability="extendedAgentCard"),
}

#: In the order of their numbers in the specification. `_UNSPECIFIED` is read and never written.
TASK_STATES = (
    "TASK_STATE_UNSPECIFIED",
    "TASK_STATE_SUBMITTED",
    "TASK_STATE_WORKING",
    "TASK_STATE_COMPLETED",
    "TASK_STATE_FAILED",
    "TASK_STATE_CANCELED",
    "TASK_STATE_INPUT_REQUIRED",
    "TASK_STATE_REJECTED",
    "TASK_STATE_AUTH_REQUIRED",
)


def is_terminal(state: str) -> bool:
    """The task takes no more messages; its stream ends."""
    return state.removeprefix("TASK_STATE_") in ("COMPLETED", "FAILED", "CANCELED", "REJECTED")


def is_interrupted(state: str) -> bool:
    """The task waits for its requester, which on this binding ends the stream (profile: Streaming)."""
    return state in ("TASK_STATE_INPUT_REQUIRED", "TASK_STATE_AUTH_REQUIRED")
