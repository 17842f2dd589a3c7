"""Ids of organisations, units, agents, pools, sessions, steps, tasks and devices (profile: Identifier Format)."""

import hashlib
import json
import re
from typing import Any, TypeGuard

from .protocol_error import ProtocolError

IDENTIFIER_PATTERN = "^[A-Za-z0-9_.-]+$"

_identifier = re.compile(r"[A-Za-z0-9_.-]+")
_uuid4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.IGNORECASE)
_MAX_GROUP_ID = 64


def is_identifier(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and _identifier.fullmatch(value) is not None


def assert_identifier(field: str, value: Any) -> str:
    """Raises ProtocolError `invalid-identifier`; `field` is the name that the message blames."""
    if is_identifier(value):
        return value
    shown = json.dumps(value, ensure_ascii=False, default=str)
    message = f"{field} {shown} is not an identifier: use one or more of A-Z a-z 0-9 _ . -"
    raise ProtocolError("invalid-identifier", message, field)


def assert_agent_id(field: str, value: Any) -> str:
    """As assert_identifier; also refuses `pool`, which names the level below which pools live."""
    if assert_identifier(field, value) != "pool":
        return str(value)
    message = f'{field} "pool" is reserved for pool topics: choose another id'
    raise ProtocolError("invalid-identifier", message, field)


def is_task_id(value: object) -> TypeGuard[str]:
    """A `Task.id` that a requester may choose: UUID version 4, in either case (profile: Request/Reply Mapping)."""
    return isinstance(value, str) and _uuid4.fullmatch(value) is not None


def normalize_task_id(task_id: str) -> str:
    """Task ids compare without regard to case; this is the form to store and compare."""
    return task_id.lower()


def group_id_of(org: str, unit: str, pool_id: str) -> str:
    """The consumer group of a pool. Over 64 characters: the first 51, a dot, and 12 hex digits of its SHA-256."""
    ids = (
        assert_identifier("org", org),
        assert_identifier("unit", unit),
        assert_identifier("pool_id", pool_id),
    )
    full = f"a2a.{'.'.join(ids)}"
    if len(full) <= _MAX_GROUP_ID:
        return full
    return f"{full[:51]}.{hashlib.sha256(full.encode()).hexdigest()[:12]}"


def group_label(label: str) -> str:
    """Makes a label from outside fit for a group id: what is not in `A-Z a-z 0-9 . _` becomes `_`."""
    return re.sub(r"[^A-Za-z0-9._]", "_", label)
