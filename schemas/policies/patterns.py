"""Parameters of failure patterns, and the file in which an installation changes some of them.

    P08:
      warning: 4            # contacts, instead of 3
      window_days: 14
    P10: {transfers: 5}

A pattern declares its parameters itself, as a subclass of `Parameters`: each with its default, its unit, and as its
docstring why. The file names only what differs, so it is short, and empty where nothing does.
"""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, create_model, model_validator

from schemas.policies.yaml_lines import read_model, text_of


class Parameters(BaseModel):
    """What of one pattern can be set. Its fields are made with `parameter`."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", use_attribute_docstrings=True)


NO_PARAMETERS: Final = Parameters()


def parameter(
    default: float, *, unit: str, gt: float | None = None, ge: float | None = None, le: float | None = None
) -> Any:
    """A field of `Parameters`, in a unit; the limits are those of pydantic."""
    return Field(default, json_schema_extra={"unit": unit}, gt=gt, ge=ge, le=le)


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _empty_changes_nothing(cls, content: object) -> object:
        return {} if content is None else content


def read(path: Path | None, declared: Mapping[str, Parameters]) -> Mapping[str, Parameters]:
    """The parameters of every pattern: as `declared` by its id, but as the file says. Raises `YamlRefusedError`."""
    if path is None:
        return declared
    fields: dict[str, Any] = {pattern: (type(default), default) for pattern, default in declared.items()}
    content = read_model(text_of(path), str(path), create_model("PatternsFile", __base__=_File, **fields))
    return MappingProxyType({pattern: getattr(content, pattern) for pattern in declared})
