"""Checks documents against the schema. Reading is tolerant, writing strict; both name every field at fault."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, cast

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

from .protocol_error import ProtocolError, Violation

JsonValue = Any

_MAX_VIOLATIONS = 25


def validate_document(name: str, value: JsonValue) -> list[Violation]:
    """Empty when the value is a document of that name: a definition of `shoal.schema.json`. Unknown fields pass.

    At most 25 violations, one for each field. Raises ProtocolError `unknown-document`.
    """
    found: dict[str, Violation] = {}
    try:
        for error in _validator(name).iter_errors(value):
            for field, message in _complaints(error):
                found.setdefault(field, Violation(field, message))
            if len(found) >= _MAX_VIOLATIONS:
                break
    except RecursionError:
        return [Violation("", "is nested too deeply: make it flatter")]
    return list(found.values())[:_MAX_VIOLATIONS]


def decode_document(name: str, payload: bytes | str) -> JsonValue:
    """JSON text or bytes to a checked document. Raises ProtocolError `invalid-document`."""
    value = _parse(name, payload)
    _refuse(name, validate_document(name, value))
    return value


def assert_valid(name: str, value: JsonValue) -> None:
    """Strict, for writers: the schema, and what readers forgive: empty REQUIRED fields, times not in UTC,
    UNSPECIFIED. Raises ProtocolError `invalid-document` that names every field at fault.
    """
    _refuse(name, validate_document(name, value) or list(_broken_write_rules(_definitions()[name], value, "")))


def encode_document(name: str, value: JsonValue) -> bytes:
    """A checked document as UTF-8 JSON, ready to publish. Raises as `assert_valid` does."""
    assert_valid(name, value)
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def _refuse(name: str, violations: Sequence[Violation]) -> None:
    if violations:
        message = f"{name}: {'; '.join(map(str, violations))}"
        raise ProtocolError("invalid-document", message, violations=violations)


def _parse(name: str, payload: bytes | str) -> JsonValue:
    def no_constant(word: str) -> float:
        raise ValueError(f"{word} is no JSON")

    try:
        text = payload.decode("utf-8-sig") if isinstance(payload, bytes) else payload
        return json.loads(text, parse_constant=no_constant)
    except UnicodeDecodeError:
        problem = "is not UTF-8: encode the JSON text as UTF-8"
    except json.JSONDecodeError as error:
        problem = f"is not JSON: mend the syntax at character {error.pos}"
    except RecursionError:
        problem = "is nested too deeply: make it flatter"
    except ValueError:
        problem = "is not JSON: numbers must be finite"
    raise ProtocolError("invalid-document", f"{name}: document {problem}", "", [Violation("", problem)])


def _pattern(
    _validator: Any, pattern: str, instance: JsonValue, _schema: Mapping[str, Any]
) -> Iterator[ValidationError]:
    """As ECMAScript has it: `$` is the end alone, not also before a last line feed, and `\\d` is 0-9."""
    if isinstance(instance, str) and not re.search(re.sub(r"(?<!\\)\$$", r"\\Z", pattern), instance, re.ASCII):
        yield ValidationError(f"must match {pattern}")


_Validator: Any = extend(Draft202012Validator, {"pattern": _pattern})  # type: ignore[no-untyped-call]


@cache
def _bundle() -> Mapping[str, Any]:
    text = files(__package__).joinpath("shoal.schema.json").read_text(encoding="utf8")
    return cast("Mapping[str, Any]", json.loads(text))


def _definitions() -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", _bundle()["$defs"])


@cache
def _validator(name: str) -> Any:
    if name not in _definitions():
        raise ProtocolError("unknown-document", f"no schema is named {name!r}")
    return _Validator({**_bundle(), "$ref": f"#/$defs/{name}"})


def _complaints(error: ValidationError) -> Iterator[tuple[str, str]]:
    """Field and message. Of alternatives, the complaints of the branch that comes closest stand for the whole."""
    field = _path(error.absolute_path)
    value: Any = error.validator_value
    if error.validator == "required":
        # One error for each missing property; the message names it.
        missing = [name for name in value if name not in cast("dict[str, Any]", error.instance)]
        yield from ((_step(field, name), "is required: add it") for name in missing)
    elif error.validator == "additionalProperties":
        known = error.schema.get("properties", {}) if isinstance(error.schema, dict) else {}
        for name in cast("dict[str, Any]", error.instance):
            if name not in known:
                yield _step(field, name), "is not known here: remove it or correct its name"
    elif error.validator == "oneOf" and all(list(branch) == ["required"] for branch in value):
        members = [name for branch in value for name in branch["required"]]
        present = [name for name in members if name in cast("dict[str, Any]", error.instance)]
        has = " and ".join(present) or "none"
        yield field, f"must have exactly one of {', '.join(members)}; has {has}"
    elif error.validator in ("anyOf", "oneOf"):
        closest = _closest(error)
        yield from [(field, error.message)] if closest is None else closest
    else:
        yield field, error.message


def _closest(error: ValidationError) -> list[tuple[str, str]] | None:
    branches: dict[Any, list[ValidationError]] = {}
    for inner in error.context or ():
        branches.setdefault(inner.schema_path[0], []).append(inner)
    wrong_kind = [
        index
        for index, errors in branches.items()
        if all(each.validator == "type" and not each.path for each in errors)
    ]
    open_branches = {index: errors for index, errors in branches.items() if index not in wrong_kind}
    if not open_branches:
        return None
    best = min(open_branches.values(), key=len)
    return [complaint for inner in best for complaint in _complaints(inner)]


def _path(steps: Sequence[str | int]) -> str:
    path = ""
    for step in steps:
        path = _step(path, step)
    return path


def _step(base: str, step: str | int) -> str:
    """Appends a step to a path: `a.b`, `a[0]`, `a["odd key"]`."""
    if isinstance(step, int):
        return f"{base}[{step}]"
    if not re.fullmatch(r"[A-Za-z_$@][A-Za-z0-9_$@-]*", step):
        return f"{base}[{json.dumps(step, ensure_ascii=False)}]"
    return step if base == "" else f"{base}.{step}"


def _broken_write_rules(schema: Mapping[str, Any], value: JsonValue, field: str) -> Iterator[Violation]:
    """The keyword `x-shoal-write`; expects a value that already matches its schema."""
    if "$ref" in schema:
        schema = {**schema, **_definitions()[schema["$ref"].rsplit("/", 1)[1]]}
    message = _complaint(schema.get("x-shoal-write"), value)
    if message is not None:
        yield Violation(field, message)
    if isinstance(value, dict):
        others = schema.get("additionalProperties")
        for name, member in value.items():
            inner = schema.get("properties", {}).get(name, others)
            if isinstance(inner, dict):
                yield from _broken_write_rules(inner, member, _step(field, name))
    elif isinstance(value, list) and isinstance(schema.get("items"), dict):
        for at, item in enumerate(value):
            yield from _broken_write_rules(schema["items"], item, _step(field, at))


def _complaint(rule: str | None, value: JsonValue) -> str | None:
    if rule == "non-empty" and value in ("", [], {}):
        return "must not be empty: fill it (readers that drop defaults lose it)"
    if rule == "utc" and not str(value).endswith("Z"):
        return "must be in UTC: write it with Z, not with an offset"
    if rule == "specified" and str(value).endswith("_UNSPECIFIED"):
        return "must say a value: choose one other than UNSPECIFIED"
    return None
