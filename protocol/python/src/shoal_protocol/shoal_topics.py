"""The `shoal/v1` tree: records of sessions, agents, devices and hosts. One table builds and parses."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from .identifiers import assert_agent_id, assert_identifier, is_identifier

_ROOT = "shoal/v1"
_SESSION = "session/{session_id}"
_STEP = _SESSION + "/step/{step_id}"
_AGENT = "agent/{agent_id}"
_DEVICE = "device/{device_id}"
_HOST = "host/{host_id}"

#: What a record is called, and its topic below `shoal/v1/{org}/{unit}`.
RECORD_TOPICS: Mapping[str, str] = {
    "session": _SESSION,
    "control": _SESSION + "/control",
    "pause": _SESSION + "/control/pause",
    "extend": _SESSION + "/control/extend",
    "purge": _SESSION + "/control/purge",
    "outcome": _SESSION + "/outcome",
    "claim": _SESSION + "/claim",
    "caller": _SESSION + "/caller/{hash}",
    "attempt": _STEP + "/attempt",
    "status": _STEP + "/status",
    "intent": _STEP + "/intent",
    "result": _STEP + "/result",
    "items": _STEP + "/items",
    "approval": _STEP + "/approval",
    "decision": _STEP + "/decision",
    "desired": _AGENT + "/desired",
    "state": _AGENT + "/state",
    "agent-attempt": _AGENT + "/attempt",
    "task": _AGENT + "/task/{task_id}",
    "reasoning": _AGENT + "/reasoning/{reasoning_id}",
    "usage": "usage/{scope}/{scope_id}/{agent_id}",
    "trigger": "trigger/{workflow_id}/{trigger_id}/{hash}",
    "canary": "broker/canary",
    "writer": "writer/{writer_id}",
    "spawn": "spawn",
    "host": _HOST,
    "host-order": _HOST + "/order",
    "host-event": _HOST + "/event",
    "telemetry": _DEVICE + "/telemetry",
    "telemetry-channel": _DEVICE + "/telemetry/{channel}",
    "tool-approval": _DEVICE + "/approval/{approval_id}",
    "device-command": _DEVICE + "/command/{command_id}",
    "device-command-cancel": _DEVICE + "/command/{command_id}/cancel",
    "device-command-status": _DEVICE + "/command/{command_id}/status",
    "pool-claim": "pool/{pool_id}/claim",
}

#: Subscription filters below `shoal/v1/{org}/{unit}`.
RECORD_FILTERS: Mapping[str, str] = {
    "callers": _SESSION + "/caller/+",
    "session-all": _SESSION + "/#",
    "agent-all": _AGENT + "/#",
    "device-all": _DEVICE + "/#",
    "device-approvals": _DEVICE + "/approval/+",
    "device-commands": _DEVICE + "/command/#",
    "usage-all": "usage/{scope}/{scope_id}/+",
}

_USAGE_SCOPES = ("day", "session")
#: Not read by whoever reads records: members of a pool alone use it.
_NOT_PARSED = ("pool-claim",)


@dataclass(frozen=True, slots=True)
class ShoalTopic:
    """`kind` is a name of RECORD_TOPICS (a channel's telemetry is `telemetry` too); `ids` are its other levels."""

    kind: str
    org: str
    unit: str
    ids: Mapping[str, str]


def shoal_topic(kind: str, *, org: str, unit: str, **ids: str) -> str:
    """The topic of a record, or a filter. Raises ProtocolError `invalid-identifier`, KeyError for no such kind.

    TypeError names an id that is missing or too many.
    """
    template = RECORD_TOPICS[kind] if kind in RECORD_TOPICS else RECORD_FILTERS[kind]
    wanted = re.findall(r"\{(\w+)\}", template)
    if set(wanted) != set(ids):
        raise TypeError(f"{kind} takes {', '.join(wanted) or 'no ids'}; got {', '.join(ids) or 'none'}")
    for name in wanted:
        (assert_agent_id if name == "agent_id" else assert_identifier)(name, ids[name])
    if ids.get("scope", "day") not in _USAGE_SCOPES:
        raise TypeError(f"scope must be one of {', '.join(_USAGE_SCOPES)}; is {ids['scope']}")
    unit_path = f"{assert_identifier('org', org)}/{assert_identifier('unit', unit)}"
    return f"{_ROOT}/{unit_path}/{template.format_map(ids)}"


def tree_filter(tree: str, *, org: str | None = None, unit: str | None = None) -> str:
    """Everything below `session`, `agent`, `device`, `trigger`, `host` or `writer`, in a unit, an org or everywhere."""
    if tree not in ("session", "agent", "device", "trigger", "host", "writer"):
        raise ValueError(f"tree {tree!r} must be one of session, agent, device, trigger, host, writer")
    first = "+" if org is None else assert_identifier("org", org)
    second = "+" if unit is None else assert_identifier("unit", unit)
    return f"{_ROOT}/{first}/{second}/{tree}/#"


def parse_shoal_topic(topic: str) -> ShoalTopic | None:
    """None for a topic that is not of this tree or whose ids are not identifiers."""
    levels = topic.split("/")
    if levels[:2] != ["shoal", "v1"] or len(levels) < 5 or not all(map(is_identifier, levels[2:])):
        return None
    org, unit, *rest = levels[2:]
    for kind, template in RECORD_TOPICS.items():
        ids = None if kind in _NOT_PARSED else _match(template.split("/"), rest)
        if ids is not None:
            return ShoalTopic("telemetry" if kind == "telemetry-channel" else kind, org, unit, ids)
    return None


def _match(template: list[str], levels: list[str]) -> dict[str, str] | None:
    if len(template) != len(levels):
        return None
    ids: dict[str, str] = {}
    for wanted, level in zip(template, levels, strict=True):
        if wanted.startswith("{"):
            ids[wanted[1:-1]] = level
        elif wanted != level:
            return None
    if ids.get("agent_id") == "pool" or ids.get("scope", "day") not in _USAGE_SCOPES:
        return None
    return ids
