"""The examples of protocol/examples: what must be read, what must be refused, and what must not be written."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

import shoal_protocol as p

EXAMPLES = Path(__file__).parents[2] / "examples"


def examples(kind: str) -> list[Any]:
    return [
        pytest.param(
            path.parent.name,
            json.loads(path.read_text(encoding="utf8")),
            id=f"{path.parent.name} {path.stem}",
        )
        for path in sorted((EXAMPLES / kind).glob("*/*.json"))
    ]


def model_of(name: str) -> type[BaseModel]:
    model: type[BaseModel] = getattr(p.models, name)
    return model


@pytest.mark.parametrize(("name", "document"), examples("valid"))
def test_valid(name: str, document: Any) -> None:
    assert p.validate_document(name, document) == []
    model = model_of(name).model_validate(document)
    # Unknown fields survive the round trip, and nothing is added.
    assert model.model_dump(by_alias=True, exclude_unset=True) == document


@pytest.mark.parametrize(("name", "example"), examples("invalid"))
def test_invalid(name: str, example: Any) -> None:
    fields = [violation.field for violation in p.validate_document(name, example["document"])]
    assert example["field"] in fields


@pytest.mark.parametrize(("name", "example"), examples("unwritable"))
def test_unwritable(name: str, example: Any) -> None:
    assert p.validate_document(name, example["document"]) == []
    with pytest.raises(p.ProtocolError) as refused:
        p.assert_valid(name, example["document"])
    assert refused.value.code == "invalid-document"
    assert example["field"] in [violation.field for violation in refused.value.violations]


def test_decoding_names_what_is_wrong() -> None:
    assert p.decode_document("Part", b'\xef\xbb\xbf{"text": "a"}') == {"text": "a"}
    for payload, problem in [
        (b"\xff", "is not UTF-8"),
        (b"", "is not JSON"),
        (b'{"data": NaN}', "numbers must be finite"),
        (b"[" * 100_000, "is nested too deeply"),
        (b'{"text": 1}', "text"),
        (b'{"text": "a", "url": "b"}', "exactly one of text, raw, url, data; has text and url"),
    ]:
        with pytest.raises(p.ProtocolError, match=problem) as refused:
            p.decode_document("Part", payload)
        assert refused.value.code == "invalid-document"
    with pytest.raises(p.ProtocolError) as unknown:
        p.validate_document("Nonsense", {})
    assert unknown.value.code == "unknown-document"


def test_a_line_feed_at_the_end_is_part_of_an_id() -> None:
    document = json.loads((EXAMPLES / "valid/ControlRecord").glob("*.json").__next__().read_text(encoding="utf8"))
    assert p.validate_document("ControlRecord", {**document, "sessionId": "s1\n"}) != []


def test_encoding_is_strict() -> None:
    assert p.encode_document("Part", {"text": "Prüfstand"}) == '{"text":"Prüfstand"}'.encode()
    with pytest.raises(p.ProtocolError):
        p.encode_document("Part", {})
