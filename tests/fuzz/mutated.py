"""Examples of the contract, changed at random: each is a function of a seed and a number."""

import copy
import json
import random
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, Final

from tests.fuzz.hostile import Attack
from tests.processors.feed import DAY, SECOND, rfc3339
from tests.schemas.events import examples

NASTY: Final[tuple[Any, ...]] = (
    None, True, False, 0, -1, 1.0, 0.1, 1e308, -1e-320, 2**31, 2**63, 2**64, 10**400, float("nan"), float("inf"),
    "", " ", "\0", "\ud800", "\u202e", "ñ" * 64, "𝔘" * 32, "a" * 129, "9" * 40, "a/b/c/d/e/f", "es-" + "x" * 8,
    "ana@example.com", "+34 600 11 12 22", "12345678Z", "ES9121000418450200051332", "4111111111111111",
    "2026-11-23T10:05:00Z", "2026-11-23T10:05:00", "2026-02-30T25:61:61+99:99", "0001-01-01T00:00:00Z",
    "2026-11-23t10:05:00.123456789+14:00", "1763892300", "12.50", "-0.0000", "1e3", "csat", "contact.opened",
    [], {}, [[]], [None], {"": ""}, {"a": {"a": {"a": []}}}, ["a"] * 21, {str(n): n for n in range(21)},
)  # fmt: skip

Path = tuple[Any, ...]


def mutated(seed: int, number: int) -> Attack:
    """One example with one to four changes of its fields, its bytes, its key or its time."""
    dice = random.Random(f"{seed}:{number}")
    example = dice.choice((*examples.valid(), *examples.invalid()))
    key, timestamp, value = example.key, example.timestamp, example.value
    fields = _object(value)
    if fields is not None and dice.random() < 0.9:
        if dice.random() < 0.9:
            timestamp = _base() + number * SECOND
            _renew(dice, fields, timestamp)
        for _ in range(dice.choice((0, 0, 1, 1, 2, 3))):
            dice.choice(_CHANGES)(dice, fields)
        value = json.dumps(fields).encode()
        customer = fields.get("customer")
        known = customer.get("id") if isinstance(customer, dict) else fields.get("entity_id")
        key = str(known).encode(errors="replace")
    if dice.random() < 0.1:
        value = _bytes_changed(dice, value)
    if dice.random() < 0.05:
        key = dice.choice((None, b"", b"\xff", b"somebody else"))
    if dice.random() < 0.05:
        timestamp = dice.choice((0, -1, timestamp - 500 * DAY, timestamp + 30 * SECOND))
    return Attack(example.topic, key, timestamp or _base(), value)


@cache
def _base() -> int:
    """A moment behind those of all examples, ms: what is made anew goes on from there."""
    return max(example.timestamp for example in (*examples.valid(), *examples.invalid())) + DAY


def _object(value: bytes) -> dict[str, Any] | None:
    try:
        parsed = json.loads(value)
    except ValueError:
        return None
    return parsed if isinstance(parsed, dict) else None


def _renew(dice: random.Random, fields: dict[str, Any], at: int) -> None:
    """Another event of one of many entities, about now: it is no duplicate, cases grow, and deadlines pass."""
    fields["event_id"] = f"e{dice.getrandbits(48)}"
    fields["entity_id"] = f"C{dice.randrange(2_000)}"
    fields["occurred_at"] = rfc3339(at - dice.choice((0, 0, 0, 1, 90, 7_200)) * SECOND)


def _replace(dice: random.Random, fields: dict[str, Any]) -> None:
    container, key = _place(dice, fields)
    container[key] = copy.deepcopy(dice.choice(NASTY))


def _remove(dice: random.Random, fields: dict[str, Any]) -> None:
    container, key = _place(dice, fields)
    del container[key]


def _repeat(dice: random.Random, fields: dict[str, Any]) -> None:
    container, key = _place(dice, fields)
    times = dice.choice((2, 30, 300))
    value = container[key]
    container[key] = value * times if isinstance(value, str) else [copy.deepcopy(value) for _ in range(times)]


def _move(dice: random.Random, fields: dict[str, Any]) -> None:
    (one, here), (other, there) = _place(dice, fields), _place(dice, fields)
    one[here] = copy.deepcopy(other[there])


def _add(dice: random.Random, fields: dict[str, Any]) -> None:
    container, _ = _place(dice, fields)
    if isinstance(container, dict):
        name = dice.choice(("text", "attributes", "links", "customer", "values", "seq", "score", "unheard", "", "kind"))
        container[name] = copy.deepcopy(dice.choice(NASTY))


_CHANGES: Final[tuple[Callable[[random.Random, dict[str, Any]], None], ...]] = (
    _replace, _replace, _replace, _remove, _repeat, _move, _add,
)  # fmt: skip


def _place(dice: random.Random, fields: dict[str, Any]) -> tuple[Any, Any]:
    """A container within the event, and a key or an index in it."""
    places = list(_places(fields))
    return dice.choice(places) if places else ({"": None}, "")


def _places(container: Any) -> Iterator[tuple[Any, Any]]:
    entries = container.items() if isinstance(container, dict) else enumerate(container)
    for key, value in entries:
        yield container, key
        if isinstance(value, dict | list) and len(value) < 50:
            yield from _places(value)


def _bytes_changed(dice: random.Random, value: bytes) -> bytes:
    changed = bytearray(value)
    for _ in range(dice.randrange(1, 5)):
        at = dice.randrange(len(changed) + 1)
        match dice.randrange(5):
            case 0:
                changed[at : at + 1] = bytes([dice.randrange(256)])
            case 1:
                del changed[at : at + dice.randrange(1, 20)]
            case 2:
                changed[at:at] = dice.choice(
                    (b'"', b"{", b"}", b"[", b"\\", b",", b"\\ud800", b"\xc3", b"\0", b"1e999")
                )
            case 3:
                changed[at:at] = changed[at : at + dice.randrange(200)]
            case _:
                del changed[at:]
    return bytes(changed)
