"""Documents in YAML of which several versions stand side by side, each in force from a moment on.

Two texts that call themselves by one version are told apart by their digests.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Final, Self, TypeVar

from pydantic import AwareDatetime, BaseModel, PrivateAttr

from schemas.policies.texts import digest_of
from schemas.policies.yaml_lines import YamlRefusedError, read_model

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Versioned(BaseModel):
    """One version of a calendar or of a policy pack."""

    version: str
    valid_from: AwareDatetime = datetime(2000, 1, 1, tzinfo=UTC)
    """Clocks that start from then on use this version."""
    _text: str = PrivateAttr("")

    @classmethod
    def read(cls, text: str, name: str) -> Self:
        """Read a document from its text; `name` is the file's, for messages. Raises `YamlRefusedError`."""
        document = read_model(text, name, cls)
        document._text = text
        return document

    @property
    def text(self) -> str:
        """As it was read; '' of one that was not."""
        return self._text

    @cached_property
    def digest(self) -> str:
        """Of its text; '' of one that has none."""
        return digest_of(self._text) if self._text else ""

    @property
    def valid_from_ms(self) -> int:
        """Milliseconds since the epoch UTC."""
        return (self.valid_from - _EPOCH) // timedelta(milliseconds=1)


Document = TypeVar("Document", bound=Versioned)


def read_versions(
    paths: Iterable[Path], read: Callable[[Path], Document], clash: Callable[[Document, Document], str | None]
) -> tuple[Document, ...]:
    """Read every document with `read`, in order; `clash` says why one cannot stand beside an earlier one.

    Raises `YamlRefusedError`.
    """
    documents: list[Document] = []
    for path in paths:
        document = read(path)
        for earlier in documents:
            if reason := clash(document, earlier):
                raise YamlRefusedError(f"{path}:1: {reason}")
        documents.append(document)
    return tuple(documents)
