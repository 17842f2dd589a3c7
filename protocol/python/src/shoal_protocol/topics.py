"""The `$a2a/v1` tree of the A2A-over-MQTT profile 0.1. Ids that are none raise ProtocolError `invalid-identifier`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from .identifiers import assert_agent_id, assert_identifier, group_id_of, is_identifier

_ROOT = "$a2a/v1"
_OF_AN_AGENT: Mapping[str, Literal["discovery", "request", "event"]] = {
    "discovery": "discovery",
    "request": "request",
    "event": "event",
}


@dataclass(frozen=True, slots=True)
class AgentAddress:
    org: str
    unit: str
    agent_id: str

    def path(self) -> str:
        """`{org}/{unit}/{agentId}`, which is also the MQTT client id of the agent."""
        org = assert_identifier("org", self.org)
        unit = assert_identifier("unit", self.unit)
        return f"{org}/{unit}/{assert_agent_id('agent_id', self.agent_id)}"


@dataclass(frozen=True, slots=True)
class PoolAddress:
    org: str
    unit: str
    pool_id: str


@dataclass(frozen=True, slots=True)
class A2aTopic:
    """`address` is a PoolAddress for kind `pool`; `suffix` is set for kind `reply` alone."""

    kind: Literal["discovery", "request", "event", "reply", "pool"]
    address: AgentAddress | PoolAddress
    suffix: str | None = None


def discovery_topic(address: AgentAddress) -> str:
    """The retained Agent Card."""
    return f"{_ROOT}/discovery/{address.path()}"


def request_topic(address: AgentAddress) -> str:
    return f"{_ROOT}/request/{address.path()}"


def event_topic(address: AgentAddress) -> str:
    return f"{_ROOT}/event/{address.path()}"


def reply_topic(address: AgentAddress, suffix: str) -> str:
    """`address` is the requester's; `suffix` should be hard to guess (profile: Client Session)."""
    return f"{_ROOT}/reply/{address.path()}/{assert_identifier('suffix', suffix)}"


def pool_request_topic(pool: PoolAddress) -> str:
    org = assert_identifier("org", pool.org)
    unit = assert_identifier("unit", pool.unit)
    return f"{_ROOT}/request/{org}/{unit}/pool/{assert_identifier('pool_id', pool.pool_id)}"


def pool_subscription(pool: PoolAddress, group_id: str | None = None) -> str:
    """What a member of the pool subscribes to; every member must use the same group id."""
    group = group_id_of(pool.org, pool.unit, pool.pool_id) if group_id is None else group_id
    return f"$share/{assert_identifier('group_id', group)}/{pool_request_topic(pool)}"


def discovery_filter(*, org: str | None = None, unit: str | None = None, agent_id: str | None = None) -> str:
    """What is unset matches everything at its level."""
    return f"{_ROOT}/discovery/{_levels(org, unit, agent_id)}"


def request_filter(*, org: str | None = None, unit: str | None = None, agent_id: str | None = None) -> str:
    """Requests to every agent that matches; pools have one level more and do not."""
    return f"{_ROOT}/request/{_levels(org, unit, agent_id)}"


def event_filter(*, org: str | None = None, unit: str | None = None, agent_id: str | None = None) -> str:
    return f"{_ROOT}/event/{_levels(org, unit, agent_id)}"


def client_id_of(address: AgentAddress) -> str:
    return address.path()


def parse_client_id(client_id: str) -> AgentAddress | None:
    return _address(client_id.split("/"))


def parse_a2a_topic(topic: str) -> A2aTopic | None:
    """None for a topic that is not of this tree or whose ids are not identifiers."""
    tree, _, rest = topic.partition("/")
    version, _, rest = rest.partition("/")
    kind, *levels = rest.split("/")
    if (tree, version) != ("$a2a", "v1"):
        return None
    if kind == "request" and len(levels) == 4:
        return _pool(levels)
    if kind == "reply" and len(levels) == 4 and is_identifier(levels[3]):
        address = _address(levels[:3])
        return None if address is None else A2aTopic("reply", address, levels[3])
    if kind in _OF_AN_AGENT:
        address = _address(levels)
        return None if address is None else A2aTopic(_OF_AN_AGENT[kind], address)
    return None


def _levels(org: str | None, unit: str | None, agent_id: str | None) -> str:
    first = "+" if org is None else assert_identifier("org", org)
    second = "+" if unit is None else assert_identifier("unit", unit)
    return f"{first}/{second}/{'+' if agent_id is None else assert_agent_id('agent_id', agent_id)}"


def _address(levels: list[str]) -> AgentAddress | None:
    if len(levels) != 3 or not all(map(is_identifier, levels)) or levels[2] == "pool":
        return None
    return AgentAddress(*levels)


def _pool(levels: list[str]) -> A2aTopic | None:
    org, unit, word, pool_id = levels
    if word != "pool" or not all(map(is_identifier, (org, unit, pool_id))):
        return None
    return A2aTopic("pool", PoolAddress(org, unit, pool_id))
