"""JSON-RPC errors: A2A's own, the MQTT binding's, JSON-RPC's and those for authorization."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Family = Literal["core", "binding", "jsonrpc", "auth", "unknown"]

#: A2A §3.3.2 and §9.5: code and reason.
A2A_ERRORS: Mapping[str, tuple[int, str]] = {
    "TaskNotFound": (-32001, "TASK_NOT_FOUND"),
    "TaskNotCancelable": (-32002, "TASK_NOT_CANCELABLE"),
    "PushNotificationNotSupported": (-32003, "PUSH_NOTIFICATION_NOT_SUPPORTED"),
    "UnsupportedOperation": (-32004, "UNSUPPORTED_OPERATION"),
    "ContentTypeNotSupported": (-32005, "CONTENT_TYPE_NOT_SUPPORTED"),
    "InvalidAgentResponse": (-32006, "INVALID_AGENT_RESPONSE"),
    "ExtendedAgentCardNotConfigured": (-32007, "EXTENDED_AGENT_CARD_NOT_CONFIGURED"),
    "ExtensionSupportRequired": (-32008, "EXTENSION_SUPPORT_REQUIRED"),
    "VersionNotSupported": (-32009, "VERSION_NOT_SUPPORTED"),
}

#: Profile: Error Mapping. The codes collide with A2A's; `data.a2a_error` tells them apart.
BINDING_ERRORS: Mapping[str, tuple[int, str]] = {
    "request_expired": (-32003, "REQUEST_EXPIRED"),
    "responder_unavailable": (-32004, "RESPONDER_UNAVAILABLE"),
    "transport_protocol_error": (-32005, "TRANSPORT_PROTOCOL_ERROR"),
}
_RETRYABLE = ("request_expired", "responder_unavailable")

#: JSON-RPC 2.0 §5.1.
JSONRPC_ERRORS: Mapping[str, int] = {
    "ParseError": -32700,
    "InvalidRequest": -32600,
    "MethodNotFound": -32601,
    "InvalidParams": -32602,
    "InternalError": -32603,
}

#: Neither specification has a code for these.
AUTH_ERRORS: Mapping[str, tuple[int, str]] = {
    "Unauthenticated": (-31401, "UNAUTHENTICATED"),
    "PermissionDenied": (-31403, "PERMISSION_DENIED"),
}

_INFO = "type.googleapis.com/google.rpc.ErrorInfo"


@dataclass(frozen=True, slots=True)
class ErrorClass:
    """`name` is one of the tables above, an unknown `a2a_error` as received, or `Unknown`."""

    family: Family
    name: str
    #: The same request may succeed when it is sent again.
    retryable: bool


def error_of(name: str, message: str, metadata: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The error object of a reply. KeyError when no table has the name; JSON-RPC's own carry no metadata."""
    if name in JSONRPC_ERRORS:
        return {"code": JSONRPC_ERRORS[name], "message": message}
    if name in BINDING_ERRORS:
        code, reason = BINDING_ERRORS[name]
        details = [_info(reason, "a2a-over-mqtt", metadata)]
        return {"code": code, "message": message, "data": {"a2a_error": name, "details": details}}
    code, reason = {**A2A_ERRORS, **AUTH_ERRORS}[name]
    return {"code": code, "message": message, "data": [_info(reason, "a2a-protocol.org", metadata)]}


def classify_error(error: Mapping[str, Any]) -> ErrorClass:
    """The number alone cannot tell: `a2a_error` means the binding's, then ErrorInfo's `reason`, then the number."""
    data = error.get("data")
    details = data if isinstance(data, list) else [data]
    for detail in details:
        name = _text(detail, "a2a_error")
        if name is not None:
            return _binding(name)
    for detail in details if isinstance(data, list) else []:
        known = _BY_REASON.get(_text(detail, "reason") or "")
        if known is not None:
            return known
    return _BY_CODE.get(error["code"], ErrorClass("unknown", "Unknown", False))


def _info(reason: str, domain: str, metadata: Mapping[str, str] | None) -> dict[str, Any]:
    info: dict[str, Any] = {"@type": _INFO, "reason": reason, "domain": domain}
    return info if metadata is None else {**info, "metadata": dict(metadata)}


def _binding(name: str) -> ErrorClass:
    return ErrorClass("binding", name, name in _RETRYABLE)


def _text(value: object, name: str) -> str | None:
    member = value.get(name) if isinstance(value, dict) else None
    return member if isinstance(member, str) else None


_BY_CODE: dict[int, ErrorClass] = {code: ErrorClass("jsonrpc", name, False) for name, code in JSONRPC_ERRORS.items()}
_BY_REASON = {reason: _binding(name) for name, (_, reason) in BINDING_ERRORS.items()}
_FAMILIES: tuple[tuple[Family, Mapping[str, tuple[int, str]]], ...] = (
    ("core", A2A_ERRORS),
    ("auth", AUTH_ERRORS),
)
for _family, _table in _FAMILIES:
    for _name, (_code, _reason) in _table.items():
        _BY_CODE[_code] = _BY_REASON[_reason] = ErrorClass(_family, _name, False)
