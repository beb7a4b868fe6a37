"""What of an event is masked, hashed, or left alone: a field's type says it, and none is forgotten."""

from typing import Any

import msgspec
import pytest

from processors.enrichment.personal_fields import mask_event, mask_name, masked_field, pseudonym
from schemas.events.decoding import decode, payload
from schemas.events.envelope import Event
from schemas.outputs import Rejection

KEY = b"k" * 32
ADDRESS = "ana@example.com"
PSEUDONYM = pseudonym(ADDRESS, KEY)
WALK = {
    "event_type": "survey.answered", "kind": "floor_walk", "mode": "in_person", "walk_id": "w1", "manager": "m1",
    "site": "s1", "started_at": "2026-11-23T09:00:00Z", "ended_at": "2026-11-23T10:00:00Z",
}  # fmt: skip
CORRECTED = {"event_type": "contact.corrected", "corrects_event_id": "e0"}
FINDING = {"id": "f1", "element": "people", "polarity": "negative"}


def outcome(**fields: Any) -> Event | Rejection:
    body = {
        "event_id": "e1", "event_type": "contact.opened", "schema_version": "1.0", "source": "crm",
        "occurred_at": "2026-11-23T10:05:00+01:00", "entity_id": "612345678", "customer": {"id": "c1"},
        "org_unit": "es/612345678", "direction": "inbound", "channel": "phone",
    }  # fmt: skip
    topic = f"{fields.get('event_type', 'contact.opened')}".partition(".")[0] + "-events"
    return decode(topic, msgspec.json.encode(body | fields))


def event(**fields: Any) -> Event:
    decoded = outcome(**fields)
    assert isinstance(decoded, Event), decoded
    return decoded


def at(record: Any, path: str) -> Any:
    for name in path.split("."):
        record = record[int(name)] if name.isdecimal() else getattr(record, name)
    return record


def test_an_event_without_personal_data_is_the_same_object() -> None:
    clean = event(
        text="Me han cobrado dos veces", subject="Factura", attributes={"store": "14"}, category="mala atención",
        product="700123456", customer={"id": "c1", "aliases": ["4711", "Ana"]}, actor={"id": "agente 12"},
    )  # fmt: skip
    assert mask_event(clean, KEY) is clean


@pytest.mark.parametrize(
    ("path", "fields", "expected"),
    [
        ("text", {"text": f"soy {ADDRESS}"}, "soy [email]"),
        ("subject", {"subject": "llamad al 612345678"}, "llamad al [phone]"),
        ("findings.1.text", WALK | {"findings": [FINDING, FINDING | {"text": "su tel 612345678"}]}, "su tel [phone]"),
        ("values.text", CORRECTED | {"values": {"text": ADDRESS}}, "[email]"),
        (
            "remedy_sought",
            {"event_type": "complaint.opened", "kind": "claim", "remedy_sought": "a ES91 2100 0418 4502 0005 1332"},
            "a [iban]",
        ),
    ],
)  # fmt: skip
def test_free_text_is_masked_without_a_word(path: str, fields: dict[str, Any], expected: str) -> None:
    sent = event(**fields)
    masked = mask_event(sent, KEY)
    assert at(masked, path) == expected
    assert at(sent, path) != expected
    assert not masked_field(sent, masked)


@pytest.mark.parametrize(
    ("path", "fields", "expected"),
    [
        ("category", {"category": "mi tel 612345678"}, "mi tel [phone]"),
        ("category_raw", {"category_raw": "queja de 612345678"}, "queja de [phone]"),
        ("product", {"product": ADDRESS}, "[email]"),
        ("process", {"process": "12345678Z"}, "[dni]"),
        ("org_unit", {"org_unit": f"es/{ADDRESS}/madrid"}, "es/[email]/madrid"),
        ("customer.segment", {"customer": {"id": "c1", "segment": "+34600111222"}}, "[phone]"),
        ("cause.code", {"cause": {"code": "4111111111111111"}}, "[card]"),
        ("attributes", {"attributes": {"nota": "dni 12345678Z"}}, {"nota": "dni [dni]"}),
        ("attributes", {"attributes": {ADDRESS: "1", "b@b.com": "2"}}, {"[email]": "1", "[email] 1": "2"}),
        ("site", WALK | {"site": ADDRESS}, "[email]"),
        (
            "metrics",
            {"event_type": "survey.answered", "kind": "custom", "mode": "online", "metrics": {ADDRESS: 1.0}},
            {"[email]": 1.0},
        ),
        ("customer.aliases", {"customer": {"id": "c1", "aliases": ["4711", ADDRESS]}}, ("4711", PSEUDONYM)),
        ("actor.id", {"actor": {"kind": "human", "id": ADDRESS}}, PSEUDONYM),
        ("owner", {"event_type": "contact.assigned", "owner": ADDRESS}, PSEUDONYM),
        ("to", {"event_type": "contact.transferred", "from": "l1", "to": ADDRESS}, PSEUDONYM),
        ("manager", WALK | {"manager": ADDRESS}, PSEUDONYM),
        ("findings.0.owner", WALK | {"findings": [FINDING | {"owner": ADDRESS}]}, PSEUDONYM),
        ("values.owner", CORRECTED | {"values": {"owner": ADDRESS}}, PSEUDONYM),
    ],
)  # fmt: skip
def test_names_and_attributes_are_masked_or_hashed_and_their_publisher_is_told(
    path: str, fields: dict[str, Any], expected: object
) -> None:
    sent = event(**fields)
    masked = mask_event(sent, KEY)
    assert at(masked, path) == expected
    assert masked_field(sent, masked) == path.replace(".0", "")
    assert "612345678" in masked.entity_id


LONG = "a@b.es " * 18


@pytest.mark.parametrize(
    "fields",
    [
        {"text": "a@b.es " * 1_142},
        WALK | {"findings": [FINDING | {"text": "a@b.es " * 57}] * 20},
        {"category": LONG[:128]},
        {"org_unit": "/".join([LONG[:60]] * 5)},
        {
            "attributes": {
                LONG: "a@b.es " * 142,
                LONG[:120]: "",
                "b": "a@b.es " * 142,
                "c": "a@b.es " * 142,
                "d": "a@b.es " * 142,
            }
        },
        {"customer": {"id": "c1", "aliases": [LONG]}},
    ],
)
@pytest.mark.parametrize("key", [b"", KEY])
def test_what_is_stored_of_a_masked_event_is_an_event_again(fields: dict[str, Any], key: bytes) -> None:
    masked = mask_event(event(**fields), key)
    read = decode(masked.event_type.partition(".")[0] + "-events", payload(masked).encode())
    assert isinstance(read, Event), read
    assert payload(read) == payload(masked)
    assert mask_event(masked, key) is masked


def test_a_pseudonym_is_of_the_person_and_of_the_key() -> None:
    assert PSEUDONYM.startswith("p_")
    assert PSEUDONYM.isascii()
    assert not any(map(str.isdigit, PSEUDONYM))
    assert pseudonym("ＡＮＡ@Example.com", KEY) == PSEUDONYM
    assert pseudonym("+34 600 111 222", KEY) == pseudonym("+34600111222", KEY)
    assert len({PSEUDONYM, pseudonym("eva@example.com", KEY), pseudonym(ADDRESS, b"other")}) == 3


def test_without_a_key_owners_are_told_apart_and_nobody_else_is() -> None:
    fields = {"event_type": "contact.transferred", "from": "eva@example.com", "to": ADDRESS, "actor": {"id": ADDRESS}}
    masked = mask_event(event(**fields))
    owners = (at(masked, "from_"), at(masked, "to"))
    assert len(set(owners)) == 2
    assert all(owner.startswith("p_") for owner in owners)
    assert at(masked, "actor.id") == "[email]"


@pytest.mark.parametrize("name", ["700123456", "SKU-700123456", "600111222", "soporte/n2", "R 12", "Ana Pérez"])
def test_a_code_is_no_telephone_number(name: str) -> None:
    assert mask_name(name) == name


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("links.order_ref", {"links": {"order_ref": "ES9121000418450200051332"}}),
        ("links.contact_id", {"links": {"contact_id": ADDRESS}}),
        ("into", {"event_type": "contact.merged", "into": ADDRESS}),
        ("entity_id", {"entity_id": "ana＠example.com"}),
        ("values.into", CORRECTED | {"values": {"into": ADDRESS}}),
        ("voids_event_id", {"event_type": "contact.voided", "voids_event_id": "4111111111111111"}),
        ("findings.1.id", WALK | {"findings": [FINDING, FINDING | {"id": ADDRESS}]}),
    ],
)
def test_a_reference_with_personal_data_rejects_the_event(path: str, fields: dict[str, Any]) -> None:
    rejection = outcome(**fields)
    assert isinstance(rejection, Rejection)
    assert (rejection.reason, rejection.field) == ("pii_in_id", path)
    assert "ana" not in rejection.got
    assert "2100" not in rejection.got


def test_references_that_pass_are_never_masked() -> None:
    links = {"links": {"order_ref": "600 111 222", "contact_id": "612345678"}}
    sent = event(**links)
    assert mask_event(sent, KEY) is sent
