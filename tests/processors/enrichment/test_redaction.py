"""Redaction: what leaves us holds no personal data, and keeps what is none."""

import string
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.enrichment.redaction import redact

REDACTED = [
    ("escribidme a ana.perez+web@correo.example.com.", "escribidme a [email]."),
    ("José: josé.núñez@ejemplo.es", "José: [email]"),
    ("ana@example.com;luis@example.com", "[email];[email]"),
    ("Llamadme al 612345678", "Llamadme al [phone]"),
    ("Llamadme al 612 34 56 78, gracias", "Llamadme al [phone], gracias"),
    ("tel: 91 123 45 67.", "tel: [phone]."),
    ("612 345 678 698 765 432", "[phone] [phone]"),
    ("tel.(91) 123 45 67", "tel.[phone]"),
    ("móvil +34 612-345-678", "móvil [phone]"),
    ("móvil (+34) 612.345.678", "móvil [phone]"),
    ("0034612345678 por la tarde", "[phone] por la tarde"),
    ("+44 20 7946 0958 or +1 (555) 123-4567", "[phone] or [phone]"),
    ("call (555) 123-4567 or 555-123-4567", "call [phone] or [phone]"),
    ("612345678/612345679", "[phone]/[phone]"),
    ("cuenta ES91 2100 0418 4502 0005 1332 gracias", "cuenta [iban] gracias"),
    ("cuenta es9121000418450200051332", "cuenta [iban]"),
    ("GB82WEST12345698765432 and DE89 3704 0044 0532 0130 00", "[iban] and [iban]"),
    ("cuenta ES92 2100 0418 4502 0005 1332, mal copiada", "cuenta ES92 [iban], mal copiada"),
    ("DNI 12345678Z", "DNI [dni]"),
    ("dni 12345678A, mal copiado", "dni [dni], mal copiado"),
    ("mi dni es 12.345.678-z", "mi dni es [dni]"),
    ("NIE X1234567L, o x-1234567-l", "NIE [dni], o [dni]"),
    ("tarjeta 4111111111111111", "tarjeta [card]"),
    ("tarjeta 4111-1111-1111-1111 caducada", "tarjeta [card] caducada"),
    ("amex 3782 822463 10005", "amex [card]"),
    ("pedido 12345 4111 1111 1111 1111", "pedido 12345 [card]"),
    ("tarjeta4111111111111111", "tarjeta[card]"),
    (
        "Soy Ana, 12345678Z, 612345678, ana@example.com, pago con 5555 5555 5555 4444",
        "Soy Ana, [dni], [phone], [email], pago con [card]",
    ),
]  # fmt: skip

UNTOUCHED = [
    "",
    "Me han cobrado dos veces y nadie contesta",
    "@oidor no contesta, precio 20 @ 3",
    "pedido 2026-000471-88 del 23-11-2026",
    "R-2026-004711, PED-2026-0047110",
    "pedido 987654321 sin entregar",
    "order no. 987654321 and invoice #912345678",
    "INC0000060 y CHG0001301",
    "405-1234567-1234567",
    "el 9-11-2026 10:05 y el 09/11/2026 a las 10:05:00",
    "2026-11-23T10:05:00+01:00 y 2026-11-23T10:05:00.912345678Z",
    "2026-11-20 2026-11-23 2026-11-27 2026-11-30",
    "me debéis 1.234.567,89 euros, o 600.000.000 €",
    "$912.345.678 o +12.345.678,90 €",
    "{$350.00} and {$30000.00} of XX/XX/2016",
    "referencia 12345678A",
    "12345678 y 12345670 e incluso 1234567",
    "cuenta ES92 2100 0418 4602 0005 1332",
    "tarjeta 4111 1111 1111 1112",
    "epoch 1764000000000, de 2016 2017 2018 2019 2020",
    "0199-0b1c-7c3e 01JDB6M3ZZ",
    "lat 41.385063884, lon 2.173403523, o 34.759088367",
    "servidor 34.232.219.202 o 91.123.45.67",
    "tallas 610 620 630 640, y 610 620 630 640 650",
    "albarán 001-5865302-1544053",
]


@pytest.mark.parametrize(("text", "expected"), REDACTED)
def test_personal_data_is_masked(text: str, expected: str) -> None:
    assert redact(text) == expected


@pytest.mark.parametrize("text", UNTOUCHED)
def test_references_dates_and_amounts_survive(text: str) -> None:
    assert redact(text) == text


def luhn_digit(digits: str) -> str:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        doubled = int(digit) * (2 if place % 2 == 0 else 1)
        total += doubled - 9 if doubled > 9 else doubled
    return str(-total % 10)


ISSUED = [("4", 16), ("55", 16), ("2221", 16), ("37", 15), ("36", 14), ("6011", 16), ("62", 19), ("3530", 16)]


@st.composite
def cards(draw: st.DrawFn) -> str:
    prefix, length = draw(st.sampled_from(ISSUED))
    body = prefix + draw(st.text(string.digits, min_size=length - len(prefix) - 1, max_size=length - len(prefix) - 1))
    number = body + luhn_digit(body)
    separator = draw(st.sampled_from(["", " ", "-", "/", "_", "  ", " - ", "\u2011", "\u2009", "\n"]))
    return separator.join(number[start : start + 4] for start in range(0, len(number), 4))


personal = st.sampled_from([text for text, _ in REDACTED])
numeric = st.text(string.digits + " .-+()/:,@aZX", max_size=60)
texts = st.lists(st.text(max_size=20) | numeric | personal | cards(), max_size=6).map("".join)


@given(texts)
def test_redacting_makes_no_text_longer(text: str) -> None:
    assert len(redact(text)) <= len(text)


@given(texts)
def test_redacting_twice_changes_nothing_more(text: str) -> None:
    once = redact(text)
    assert redact(once) == once


@given(
    st.text(string.ascii_letters + " ,.:\n¿áñ€", max_size=30),
    cards(),
    st.text(string.ascii_letters + " ,:\n€", max_size=30),
)
def test_no_valid_card_survives(before: str, card: str, after: str) -> None:
    assert card not in redact(before + card + after)


@given(texts)
def test_only_digits_and_addresses_are_ever_masked(text: str) -> None:
    if "@" not in text and sum(character in string.digits for character in text) < 7:
        assert redact(text) == text


@pytest.mark.parametrize("bait", ["a", "1", "4111 ", "+1 (", "ES91 ", "9.", "91 123 45 67 x", "a.b@", "12345678"])
def test_the_longest_text_is_redacted_in_linear_time(bait: str) -> None:
    text = bait * (8000 // len(bait)) + "@7654321"
    began = time.process_time()
    redact(text)
    assert time.process_time() - began < 0.25
