"""What is thrown here, and what is wrong with a document."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

ProtocolErrorCode = Literal["invalid-identifier", "invalid-document", "unknown-document"]


@dataclass(frozen=True, slots=True)
class Violation:
    """`field` is a dotted and indexed path, `message.parts[0].text`; empty for the document itself."""

    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.field or 'document'} {self.message}"


class ProtocolError(ValueError):
    """Branch on `code`. `field` is the first at fault; `violations` are all, when it is about a document."""

    def __init__(
        self,
        code: ProtocolErrorCode,
        message: str,
        field: str | None = None,
        violations: Sequence[Violation] = (),
    ) -> None:
        super().__init__(message)
        self.code = code
        self.violations = tuple(violations)
        self.field = field if field is not None or not violations else violations[0].field
