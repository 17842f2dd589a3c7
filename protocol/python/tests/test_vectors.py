"""The language-neutral vectors, run against this implementation. Their format is in vectors/README.md."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

import shoal_protocol as p

VECTORS = Path(__file__).parents[2] / "vectors"
Case = dict[str, Any]


def read(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((VECTORS / name).read_text(encoding="utf8"))
    return document


def snake(name: str) -> str:
    return re.sub(r"([A-Z])", lambda match: "_" + match[1].lower(), name)


def camel(ids: Mapping[str, Any]) -> dict[str, Any]:
    return {re.sub(r"_([a-z])", lambda match: match[1].upper(), name): value for name, value in ids.items()}


def pairs(case: Case) -> list[tuple[str, str]]:
    return [(name, value) for name, value in case["userProperties"]]


def on_agent(build: Callable[[p.AgentAddress], str]) -> Callable[..., str]:
    return lambda **ids: build(p.AgentAddress(**ids))


A2A_BUILDERS: dict[str, Callable[..., str]] = {
    "discovery": on_agent(p.discovery_topic),
    "request": on_agent(p.request_topic),
    "event": on_agent(p.event_topic),
    "clientId": on_agent(p.client_id_of),
    "reply": lambda suffix, **ids: p.reply_topic(p.AgentAddress(**ids), suffix),
    "pool": lambda **ids: p.pool_request_topic(p.PoolAddress(**ids)),
    "poolSubscription": lambda **ids: p.pool_subscription(p.PoolAddress(**ids)),
    "discoveryFilter": p.discovery_filter,
    "requestFilter": p.request_filter,
    "eventFilter": p.event_filter,
}


def build_shoal(build: str, ids: dict[str, str]) -> str:
    if build == "treeFilter":
        return p.tree_filter(**ids)
    kind = build if build in p.RECORD_TOPICS else snake(build).replace("_", "-")
    return p.shoal_topic("telemetry-channel" if "channel" in ids else kind, **ids)


def build(file: str, case: Case) -> str:
    ids = {snake(name): value for name, value in case["input"].items()}
    return A2A_BUILDERS[case["build"]](**ids) if file == "a2a" else build_shoal(case["build"], ids)


def parse(file: str, topic: str) -> dict[str, Any] | None:
    if file == "shoal":
        parsed = p.parse_shoal_topic(topic)
        return (
            None
            if parsed is None
            else {"kind": parsed.kind, "org": parsed.org, "unit": parsed.unit, **camel(parsed.ids)}
        )
    a2a = p.parse_a2a_topic(topic)
    if a2a is None:
        return None
    address = camel(asdict(a2a.address))
    if a2a.kind == "pool":
        return {"kind": "pool", **address}
    return {
        "kind": a2a.kind,
        "address": address,
        **({"suffix": a2a.suffix} if a2a.suffix is not None else {}),
    }


@pytest.mark.parametrize("file", ["a2a", "shoal"])
def test_topics(file: str) -> None:
    vectors = read(f"{file}-topics.json")
    for case in vectors["build"]:
        if "rejects" in case:
            with pytest.raises(p.ProtocolError) as refused:
                build(file, case)
            assert (refused.value.code, refused.value.field) == ("invalid-identifier", snake(case["rejects"]))
        else:
            assert build(file, case) == case["topic"]
    for case in vectors["parse"]:
        assert parse(file, case["topic"]) == case["parsed"], case["topic"]


def test_every_record_is_built_and_parsed_by_a_vector() -> None:
    cases = read("shoal-topics.json")
    built = {case["build"] for case in cases["build"]} | {"telemetry-channel"}
    assert set(p.RECORD_TOPICS) <= built
    parsed = {case["parsed"]["kind"] for case in cases["parse"] if case["parsed"]}
    assert set(p.RECORD_TOPICS) - {"telemetry-channel", "pool-claim"} <= parsed


def accepts(check: Callable[[str, Any], object], value: Any) -> bool:
    try:
        check("id", value)
    except p.ProtocolError as error:
        assert error.code == "invalid-identifier"
        return False
    return True


def test_identifiers() -> None:
    vectors = read("identifiers.json")
    for case in vectors["identifiers"]:
        assert p.is_identifier(case["value"]) is case["valid"], case
        assert accepts(p.assert_identifier, case["value"]) is case["valid"], case
    for case in vectors["agentIds"]:
        assert accepts(p.assert_agent_id, case["value"]) is case["valid"], case
    for case in vectors["taskIds"]:
        assert p.is_task_id(case["value"]) is case["valid"], case
        if case["valid"]:
            assert p.normalize_task_id(case["value"]) == case["normalized"]
    for case in vectors["groupIds"]:
        ids = {snake(name): value for name, value in case["input"].items()}
        if "rejects" in case:
            with pytest.raises(p.ProtocolError) as refused:
                p.group_id_of(**ids)
            assert refused.value.field == snake(case["rejects"])
        else:
            assert p.group_id_of(**ids) == case["groupId"]
    for case in vectors["groupLabels"]:
        assert p.group_label(case["label"]) == case["groupLabel"]
    for case in vectors["clientIds"]:
        address = p.parse_client_id(case["clientId"])
        assert (address and camel(asdict(address))) == case["address"]


def test_presence() -> None:
    for case in read("presence.json")["vectors"]:
        assert asdict(p.read_presence(pairs(case), case["payloadBytes"])) == case["expected"], case["name"]


def test_errors() -> None:
    vectors = read("errors.json")
    for case in vectors["send"]:
        assert p.error_of(case["name"], "why") == case["error"]
        classified = p.classify_error(case["error"])
        assert (classified.family, classified.name) == (case["family"], case["name"])
    for case in vectors["classify"]:
        assert asdict(p.classify_error(case["error"])) == case["expected"], case["name"]
    tables = [p.A2A_ERRORS, p.BINDING_ERRORS, p.JSONRPC_ERRORS, p.AUTH_ERRORS]
    assert [case["name"] for case in vectors["send"]] == [name for table in tables for name in table]


def test_task_states() -> None:
    cases = read("task-states.json")["vectors"]
    assert [case["state"] for case in cases] == list(p.TASK_STATES)
    for case in cases:
        assert p.TASK_STATES[case["number"]] == case["state"]
        assert (p.is_terminal(case["state"]), p.is_interrupted(case["state"])) == (
            case["terminal"],
            case["interrupted"],
        )


def test_service_parameters() -> None:
    vectors = read("service-parameters.json")
    for case in vectors["versions"]:
        assert p.negotiate_version(case["requested"]) == case["accepted"], case
    for case in vectors["extensions"]:
        assert p.read_extensions(pairs(case)) == case["extensions"], case
    for case in vectors["bindings"]:
        assert p.is_mqtt_binding(case["protocolBinding"]) is case["mqtt"], case


def test_methods() -> None:
    cases = read("methods.json")["vectors"]
    assert cases == [{"method": name, **asdict(method)} for name, method in p.METHODS.items()]
