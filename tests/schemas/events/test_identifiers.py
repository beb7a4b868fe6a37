"""Identifiers are pseudonyms, and those that machines make are taken for nothing else."""

import random
import string
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.events.identifiers import looks_personal, masked
from schemas.outputs import Rejection
from tests.schemas.events.samples import event_of, outcome

PERSONAL = [
    "ana@example.com", "crm:ana@example.com", "+34600111222", "tel:+34 600 11 12 22", "12345678Z", "12345678-z",
    "X1234567L", "c_12345678Z", "ES9121000418450200051332", "es91 2100 0418 4502 0005 1332", "GB29NWBK60161331926819",
    "NL91ABNA0417164300", "4111111111111111", "R-4111-1111-1111-1111", "378282246310005", "3782-822463-10005",
    "5555555555554444",
]  # fmt: skip
HARMLESS = [
    "C-2026-004711", "12345678A", "12345678", "20261123-T", "4111111111111112", "1732352700000", "1732352700000000",
    "1234567890123456789", "ES0021000418450200051332", "user@localhost", "+1", "550e8400-e29b-41d4-a716-446655440000",
    "01JDB6M3Z8Q4W7X2V9T5R1N6K3", "0000000000004711", "R 12", "es/atencion",
]  # fmt: skip


@pytest.mark.parametrize("identifier", PERSONAL)
@pytest.mark.parametrize("field", ["entity_id", "customer.id"])
def test_an_identifier_that_is_personal_data_is_rejected(identifier: str, field: str) -> None:
    rejection = outcome(**({"customer": {"id": identifier}} if field == "customer.id" else {field: identifier}))
    assert isinstance(rejection, Rejection)
    assert (rejection.reason, rejection.field) == ("pii_in_id", field)


@pytest.mark.parametrize("identifier", HARMLESS)
def test_an_identifier_of_a_machine_is_not_personal_data(identifier: str) -> None:
    assert event_of(entity_id=identifier, customer={"id": identifier}).entity_id == identifier


@pytest.mark.parametrize("form", ["uuid", "hex", "HEX", "ulid", "counter", "padded", "milliseconds", "dated"])
def test_identifiers_that_machines_make_never_look_personal(form: str) -> None:
    chance = random.Random(form)
    crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    number = chance.randrange(10**9)

    def identifier(n: int) -> str:
        random_uuid = uuid.UUID(int=chance.getrandbits(128), version=4)
        return {
            "uuid": str(random_uuid),
            "hex": random_uuid.hex,
            "HEX": random_uuid.hex.upper(),
            "ulid": "01" + "".join(chance.choices(crockford, k=24)),
            "counter": str(number + n),
            "padded": f"R-2026-{n:012d}",
            "milliseconds": str(1_732_352_700_000 + n),
            "dated": f"{20_260_101 + n % 28}-{string.ascii_uppercase[n % 26]}",
        }[form]

    assert not [made for made in map(identifier, range(5_000)) if looks_personal(made)]


@given(st.text(max_size=200))
def test_masking_keeps_the_length(text: str) -> None:
    assert len(masked(text)) == len(text)
