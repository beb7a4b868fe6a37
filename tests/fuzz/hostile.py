"""Records of 256 KiB that are built to be slow: each is a function of a seed and a number."""

import json
import random
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from schemas.topics import COMPLAINTS, CONTACTS, SURVEYS
from tests.processors.enrichment.test_cost_of_redaction import HOSTILE
from tests.processors.feed import T0, rfc3339

BYTES: Final = 256 * 1024
_ALPHABET: Final = "00123456789  +-..@()/:_aAñéESXZxz€#\n\t\u00a0\u200b\u2011６＠"

Fields = dict[str, Any]


class Attack(NamedTuple):
    """A record, before it has an offset."""

    topic: str
    key: bytes | None
    timestamp: int
    value: bytes


def hostile(seed: int, number: int) -> Attack:
    """A record of 256 KiB, or as much of it as the limits of its fields let pass."""
    dice = random.Random(f"{seed}:{number}:hostile")
    topic, fields = _event(dice)
    how = dice.choice(tuple(_ATTACKS))
    value = _ATTACKS[how](dice, fields)
    return Attack(topic, b"c1", T0, value)


_KINDS: Final[Mapping[str, tuple[str, Fields]]] = {
    "contact.opened": (CONTACTS, {"direction": "inbound", "channel": "email"}),
    "contact.customer_replied": (CONTACTS, {}),
    "contact.corrected": (CONTACTS, {"corrects_event_id": "e", "values": {}}),
    "complaint.opened": (COMPLAINTS, {"kind": "complaint", "channel": "email"}),
    "survey.answered floor_walk": (
        SURVEYS,
        {
            "kind": "floor_walk", "mode": "in_person", "walk_id": "w", "manager": "m", "site": "s",
            "started_at": rfc3339(T0), "ended_at": rfc3339(T0),
        },
    ),
    "survey.answered mystery_shopper": (SURVEYS, {"kind": "mystery_shopper", "mode": "in_person", "visit_id": "v"}),
    "survey.answered custom": (SURVEYS, {"kind": "custom", "mode": "email", "metrics": {"a": 1}}),
}  # fmt: skip

_FIELDS: Final = (
    "event_id", "event_type", "schema_version", "occurred_at", "published_at", "source", "entity_id", "org_unit",
    "channel", "language", "priority", "category", "category_raw", "product", "text", "subject", "seq", "amount",
    "customer.id", "customer.segment", "customer.country", "links.order_ref", "actor.id", "cause.code", "test",
)  # fmt: skip
_LISTS: Final = ("customer.aliases", "sections", "findings", "values.customer.aliases")
_MAPS: Final = ("attributes", "metrics", "values", "links", "unheard")


def _event(dice: random.Random) -> tuple[str, Fields]:
    kind = dice.choice(tuple(_KINDS))
    topic, own = _KINDS[kind]
    return topic, {
        "event_id": f"e{dice.getrandbits(40)}",
        "event_type": kind.partition(" ")[0],
        "schema_version": "1.0",
        "occurred_at": rfc3339(T0),
        "source": "crm",
        "entity_id": f"C{dice.randrange(50)}",
        "customer": {"id": "c1"},
        **own,
    }


def _piece(dice: random.Random) -> str:
    if dice.random() < 0.6:
        return dice.choice(HOSTILE)
    return "".join(dice.choices(_ALPHABET, k=dice.randrange(1, 14)))


def _filled(piece: str, size: int) -> str:
    """The piece again and again, of at most `size` bytes as JSON in UTF-8."""
    return piece * max(1, size // len(json.dumps(piece, ensure_ascii=False).encode()[1:-1]))


def _write(fields: Fields) -> bytes:
    return json.dumps(fields, ensure_ascii=False).encode(errors="replace")[:BYTES]


def _set(fields: Fields, path: str, value: Any) -> None:
    *containers, name = path.split(".")
    for container in containers:
        fields = fields.setdefault(container, {})
    fields[name] = value


def _room(fields: Fields) -> int:
    return BYTES - len(json.dumps(fields).encode()) - 200


def _long_field(dice: random.Random, fields: Fields) -> bytes:
    _set(fields, dice.choice(_FIELDS), _filled(_piece(dice), _room(fields)))
    return _write(fields)


def _long_list(dice: random.Random, fields: Fields) -> bytes:
    entry: Any = dice.choice(
        (1, "a", "", None, {}, [], {"id": 1}, {"code": "a", "possible": 1, "earned": 2}, _piece(dice))
    )
    size = len(json.dumps(entry).encode()) + 2
    _set(fields, dice.choice(_LISTS), [entry] * (_room(fields) // size))
    return _write(fields)


def _large_map(dice: random.Random, fields: Fields) -> bytes:
    value: Any = dice.choice((1, "a", None, {}, _piece(dice)))
    room = _room(fields)
    count = dice.choice((1, 20, 21, room // (12 + len(json.dumps(value))) + 1))
    key = _filled(_piece(dice), room // count - 20) if count < 30 else "k"
    _set(fields, dice.choice(_MAPS), {f"{key}{number}": value for number in range(count)})
    return _write(fields)


def _all_that_passes(dice: random.Random, fields: Fields) -> bytes:
    """Every free text as long as it may be: accepted, and so redacted, folded and stored."""
    piece = _piece(dice)

    def text(length: int) -> str:
        return (piece * length)[:length]

    fields |= {"text": text(8_000), "category": text(128), "category_raw": text(128), "product": text(128)}
    fields["attributes"] = {f"a{number}": text(200) for number in range(20)}
    if fields["event_type"] == "contact.opened":
        fields["subject"] = text(8_000)
    if fields["event_type"] == "complaint.opened":
        fields["remedy_sought"] = text(8_000)
    if fields.get("kind") == "floor_walk":
        finding = {"id": "f", "element": "people", "polarity": "positive", "text": text(40)}
        fields["findings"] = [finding] * 200
    if fields.get("kind") == "mystery_shopper":
        fields["sections"] = [{"code": text(128), "possible": 1, "earned": 1}] * 100
    if fields["event_type"] == "contact.corrected":
        fields["values"] = {"text": text(8_000), "category": text(128)}
    return _write(fields)


def _nested(dice: random.Random, fields: Fields) -> bytes:
    opening = dice.choice(("[", '{"a":', '[{"":', '{"a":[0,'))
    name = dice.choice(("unheard", "text", "attributes", "customer", "values"))
    return (json.dumps(fields)[:-1] + f',"{name}":' + opening * (_room(fields) // len(opening)))[:BYTES].encode()


def _same_key(dice: random.Random, fields: Fields) -> bytes:
    name, value = dice.choice((*_FIELDS, *_MAPS)), json.dumps(dice.choice((1, "a", {"a": "b"}, [1], _piece(dice))))
    member = f',"{name}":{value}'
    return (json.dumps(fields)[:-1] + member * (_room(fields) // len(member.encode())) + "}").encode(errors="replace")


def _numbers(dice: random.Random, fields: Fields) -> bytes:
    digits = dice.choice(("9", "1.", "0.0", "1e", "-1", "123,"))
    name = dice.choice(("seq", "score", "amount", "unheard", "wait_seconds"))
    return (json.dumps(fields)[:-1] + f',"{name}":' + digits * (_room(fields) // len(digits)) + "}").encode()


def _no_json(dice: random.Random, fields: Fields) -> bytes:
    piece = dice.choice(
        (b"\xff", b"\\u0041", b'"', b'\\"', b'{"source":["a",', b"[", b" ", b"\xc3\xb1", b'"event_id":1,')
    )
    return (json.dumps(fields)[:-2].encode() + piece * BYTES)[:BYTES]


_ATTACKS: Final[Mapping[str, Callable[[random.Random, Fields], bytes]]] = {
    attack.__name__: attack
    for attack in (
        _long_field, _long_list, _large_map, _all_that_passes, _nested, _same_key, _numbers, _no_json,
    )
}  # fmt: skip
