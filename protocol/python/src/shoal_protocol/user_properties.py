"""MQTT 5 user properties of the binding, as pairs in the order of the packet, and what is read from them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

UserProperties = Sequence[tuple[str, str]]

A2A_VERSION = "1.0"
MQTT_BINDING_URI = "urn:shoal:a2a-over-mqtt:0.1"
#: What the profile's own SDK writes in an Agent Card.
MQTT_BINDING_LABEL = "MQTTv5+JSONRPCv2"


def user_property_values(properties: UserProperties, name: str) -> list[str]:
    """Every value of a property, in order. Names compare without regard to case (A2A §12.3)."""
    return [value for key, value in properties if key.lower() == name.lower()]


def read_extensions(properties: UserProperties) -> list[str]:
    """The URIs of `a2a-extensions`."""
    values = ",".join(user_property_values(properties, "a2a-extensions"))
    return [uri.strip() for uri in values.split(",") if uri.strip() != ""]


def negotiate_version(requested: str | None) -> str | None:
    """The version agreed on, or None when it is not spoken here (answer `VersionNotSupported`)."""
    if requested is None or requested == "":
        return A2A_VERSION
    return A2A_VERSION if re.fullmatch(r"1\.0(\.[0-9]+)?", requested) else None


def is_mqtt_binding(protocol_binding: str) -> bool:
    """Whether `supportedInterfaces[].protocolBinding` of an Agent Card means this binding."""
    return protocol_binding.lower() in (MQTT_BINDING_URI, MQTT_BINDING_LABEL.lower())


@dataclass(frozen=True, slots=True)
class Presence:
    """`unknown`: a card that says nothing of its agent's state; `unregistered`: the card was deleted.

    `source` is an open word, kept as received, except that EMQX's `emqx` reads `broker`.
    """

    status: Literal["online", "offline", "unknown", "unregistered"]
    source: str
    authority: Literal["agent", "lwt", "broker"]


def read_presence(properties: UserProperties, payload_bytes: int) -> Presence:
    """Reads presence off a discovery message. Advisory: suspect, probe, then act (profile: Presence Subscriber).

    A repeated `a2a-status` is decided for the broker's when a source says so, and for the first otherwise. A
    zero-byte payload unregisters, whatever its properties say: some publish it as their will.
    """
    statuses = user_property_values(properties, "a2a-status")
    sources = [
        "broker" if source == "emqx" else source for source in user_property_values(properties, "a2a-status-source")
    ]
    by_broker = sources.index("broker") if "broker" in sources else -1
    source = "broker" if by_broker >= 0 else next(iter(sources), "agent")
    at = by_broker if 0 <= by_broker < len(statuses) else 0
    return Presence(
        status="unregistered" if payload_bytes == 0 else _status(statuses[at : at + 1]),
        source=source,
        authority="broker" if source == "broker" else "lwt" if source == "lwt" else "agent",
    )


def _status(first: Sequence[str]) -> Literal["online", "offline", "unknown"]:
    return "online" if first == ["online"] else "offline" if first == ["offline"] else "unknown"
