"""What leaves us is redacted, what customers write about is found, and what sources call things is mapped."""

import string
import time

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.enrichment.lexicon import CATEGORIES, TOPICS
from processors.enrichment.redaction import map_category, redact, redact_event, text_topics
from schemas.events.decoding import decode
from schemas.events.envelope import Event

REDACTED = [
    ("escribidme a ana.perez+web@correo.example.com.", "escribidme a [email]."),
    ("José: josé.núñez@ejemplo.es", "José: [email]"),
    ("ana@example.com;luis@example.com", "[email];[email]"),
    ("Llamadme al 612345678", "Llamadme al [phone]"),
    ("Llamadme al 612 34 56 78, gracias", "Llamadme al [phone], gracias"),
    ("tel: 91 123 45 67.", "tel: [phone]."),
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
    ("DNI 12345678Z", "DNI [dni]"),
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
    "dni 12345678A",
    "12345678 y 12345670 e incluso 1234567",
    "cuenta ES92 2100 0418 4502 0005 1332",
    "tarjeta 4111 1111 1111 1112",
    "epoch 1764000000000, de 2016 2017 2018 2019 2020",
    "0199-0b1c-7c3e 01JDB6M3ZZ",
    "lat 41.385063884, lon 2.173403523",
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


@st.composite
def cards(draw: st.DrawFn) -> str:
    body = draw(st.sampled_from("3456")) + draw(st.text(string.digits, min_size=11, max_size=17))
    number = body + luhn_digit(body)
    separator = draw(st.sampled_from(["", " ", "-"]))
    return separator.join(number[start : start + 4] for start in range(0, len(number), 4))


personal = st.sampled_from([text for text, _ in REDACTED])
numeric = st.text(string.digits + " .-+()/:,@aZX", max_size=60)
texts = st.lists(st.text(max_size=20) | numeric | personal | cards(), max_size=6).map("".join)


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


def event(**fields: object) -> Event:
    body = {
        "event_id": "e1", "event_type": "contact.opened", "schema_version": "1.0", "source": "crm",
        "occurred_at": "2026-11-23T10:05:00+01:00", "entity_id": "612345678", "customer": {"id": "c1"},
        "org_unit": "es/612345678", "direction": "inbound", "channel": "phone",
    }  # fmt: skip
    topic = f"{fields.get('event_type', 'contact.opened')}".partition(".")[0] + "-events"
    decoded = decode(topic, msgspec.json.encode(body | fields))
    assert isinstance(decoded, Event), decoded
    return decoded


def test_an_event_without_personal_data_is_the_same_object() -> None:
    clean = event(text="Me han cobrado dos veces", subject="Factura", attributes={"store": "14"})
    assert redact_event(clean) is clean


def test_free_text_of_an_event_is_redacted_and_identifiers_are_not() -> None:
    given_ = event(
        text="soy ana@example.com", subject="llamad al 612345678", attributes={"nota": "dni 12345678Z", "store": "14"},
        category_raw="queja de 612345678",
    )  # fmt: skip
    redacted = redact_event(given_)
    assert redacted == given_.model_copy(
        update={
            "text": "soy [email]", "subject": "llamad al [phone]", "attributes": {"nota": "dni [dni]", "store": "14"},
            "category_raw": "queja de [phone]",
        }
    )  # fmt: skip
    assert (redacted.entity_id, redacted.org_unit) == ("612345678", "es/612345678")
    assert given_.text == "soy ana@example.com"


def test_free_text_inside_an_event_is_redacted() -> None:
    finding = {"id": "f1", "element": "people", "polarity": "negative"}
    walk = event(
        event_type="survey.answered", kind="floor_walk", mode="in_person", walk_id="w1", manager="m1", site="s1",
        started_at="2026-11-23T09:00:00Z", ended_at="2026-11-23T10:00:00Z",
        findings=[finding | {"text": "sin señalizar"}, finding | {"text": "dejó su móvil, 612345678"}],
    )  # fmt: skip
    claim = event(event_type="complaint.opened", kind="claim", remedy_sought="abono en ES91 2100 0418 4502 0005 1332")
    corrected = event(
        event_type="complaint.corrected", corrects_event_id="e0", values={"text": "escribid a ana@example.com"}
    )
    assert [finding.text for finding in redact_event(walk).findings] == ["sin señalizar", "dejó su móvil, [phone]"]  # type: ignore[attr-defined]
    assert redact_event(claim).remedy_sought == "abono en [iban]"  # type: ignore[attr-defined]
    assert redact_event(corrected).values.text == "escribid a [email]"  # type: ignore[attr-defined]


SAID = [
    ("es", "wait", "Llevo tres semanas esperando una solución"),
    ("es", "wait", "Demasiado tiempo de espera en la tienda, colas interminables"),
    ("es", "wait", "Nadie contesta y llevo semanas esperando"),
    ("en", "wait", "I have been on hold for 45 minutes"),
    ("en", "wait", "The queue was endless and I'm still waiting"),
    ("es", "no_answer", "Nadie contesta al teléfono"),
    ("es", "no_answer", "He escrito tres veces y no he recibido ninguna respuesta"),
    ("en", "no_answer", "Nobody answers the phone"),
    ("en", "no_answer", "You don’t respond to my emails and never called back"),
    ("es", "repeat_story", "He tenido que repetir mi historia cinco veces"),
    ("es", "repeat_story", "Cada vez hay que explicarlo todo otra vez, desde cero"),
    ("en", "repeat_story", "I had to explain everything again to each person"),
    ("en", "repeat_story", "Tired of repeating myself"),
    ("es", "rude_treatment", "La agente fue muy grosera y me colgó el teléfono"),
    ("es", "rude_treatment", "Me trataron fatal en la oficina"),
    ("en", "rude_treatment", "Your agent was rude and hung up on me"),
    ("en", "rude_treatment", "We were treated like dirt"),
    ("es", "distrust", "No me creen y me tratan como si fuera un delincuente"),
    ("es", "distrust", "Me piden pruebas de todo, parece un interrogatorio"),
    ("en", "distrust", "They don't believe me, I was treated like a criminal"),
    ("en", "distrust", "I have to prove everything again"),
    ("es", "transfer_loop", "Me pasan de un departamento a otro"),
    ("es", "transfer_loop", "Me están mareando, un peloteo constante"),
    ("en", "transfer_loop", "I was transferred four times between departments"),
    ("en", "transfer_loop", "They keep passing me around, going round in circles"),
    ("es", "wrong_charge", "Hay un cargo indebido en mi factura"),
    ("es", "wrong_charge", "Me han cobrado de más este mes"),
    ("en", "wrong_charge", "I was overcharged this month"),
    ("en", "wrong_charge", "There is an incorrect charge on my bill"),
    ("es", "double_charge", "Me han cobrado la cuota dos veces"),
    ("es", "double_charge", "Aparece un recibo duplicado"),
    ("en", "double_charge", "I was charged twice for the same thing"),
    ("en", "double_charge", "There is a duplicate payment on my card"),
    ("es", "delivery_late", "El pedido llega con retraso"),
    ("es", "delivery_late", "El pedido llega con dos semanas de retraso"),
    ("es", "delivery_late", "La entrega se ha demorado una semana"),
    ("en", "delivery_late", "My parcel is two weeks late"),
    ("en", "delivery_late", "The delivery was delayed again"),
    ("es", "delivery_missing", "El paquete nunca llegó"),
    ("es", "delivery_missing", "No he recibido mi pedido y consta como entregado"),
    ("en", "delivery_missing", "My order never arrived"),
    ("en", "delivery_missing", "It is marked as delivered but I have not received the package"),
    ("es", "defective", "La lavadora no funciona"),
    ("es", "defective", "Venía con la pantalla rota y es defectuosa"),
    ("en", "defective", "The item arrived broken"),
    ("en", "defective", "It stopped working after two days, clearly faulty"),
    ("es", "refund_pending", "Sigo esperando el reembolso"),
    ("es", "refund_pending", "Quiero que me devuelvan el dinero"),
    ("en", "refund_pending", "I am still waiting for my refund"),
    ("en", "refund_pending", "I want my money back"),
    ("es", "cancel_difficulty", "Es imposible darse de baja"),
    ("es", "cancel_difficulty", "No me dejan cancelar el contrato"),
    ("en", "cancel_difficulty", "I can't cancel my subscription"),
    ("en", "cancel_difficulty", "You make it impossible to cancel"),
    ("es", "website_error", "La página web da error al pagar"),
    ("es", "website_error", "No puedo entrar en la web"),
    ("en", "website_error", "Your website is down again"),
    ("en", "website_error", "The checkout page doesn't load"),
    ("es", "app_error", "La app se cierra sola"),
    ("es", "app_error", "La aplicación no funciona desde ayer"),
    ("en", "app_error", "The app keeps crashing"),
    ("en", "app_error", "I can't log in to the app"),
    ("es", "appointment", "Me anularon la cita"),
    ("es", "appointment", "El técnico no se presentó"),
    ("en", "appointment", "I need to change my appointment"),
    ("en", "appointment", "The technician didn't show up"),
    ("es", "contract_terms", "No me hablaron de la permanencia"),
    ("es", "contract_terms", "Las condiciones del contrato son distintas"),
    ("en", "contract_terms", "It was hidden in the small print"),
    ("en", "contract_terms", "You changed the terms of my contract"),
    ("es", "price", "El precio es abusivo"),
    ("es", "price", "Me han subido la tarifa y es muy cara"),
    ("en", "price", "It is far too expensive"),
    ("en", "price", "Your prices keep rising"),
    ("es", "promise_broken", "Me prometieron que vendrían el lunes y no han venido"),
    ("es", "promise_broken", "Habéis incumplido lo acordado"),
    ("en", "promise_broken", "You promised a call on Monday but nobody phoned"),
    ("en", "promise_broken", "Another broken promise"),
    ("es", "no_information", "Nadie me ha informado de nada"),
    ("es", "no_information", "Cortaron el servicio sin previo aviso"),
    ("en", "no_information", "I was not told about the change"),
    ("en", "no_information", "They cut it off without any notice"),
    ("es", "data_privacy", "Habéis compartido mis datos personales"),
    ("es", "data_privacy", "Esto vulnera la protección de datos"),
    ("en", "data_privacy", "You shared my personal data"),
    ("en", "data_privacy", "This is a breach of GDPR"),
    ("es", "legal_threat", "Voy a hablar con mi abogado"),
    ("es", "legal_threat", "Pondré una denuncia en consumo"),
    ("en", "legal_threat", "I will take legal action"),
    ("en", "legal_threat", "My lawyer will contact you, see you in court"),
    ("es", "churn_intent", "Me voy a la competencia"),
    ("es", "churn_intent", "Quiero darme de baja"),
    ("en", "churn_intent", "I will take my business elsewhere"),
    ("en", "churn_intent", "I am switching to another provider"),
    ("es", "bot_trap", "El chatbot repite siempre lo mismo"),
    ("es", "bot_trap", "Solo quiero hablar con una persona"),
    ("en", "bot_trap", "I just want to speak to a human"),
    ("en", "bot_trap", "Stuck with an automated system"),
    ("es", "praise", "Excelente atención, muy amables"),
    ("es", "praise", "Estoy muy contenta con el trato"),
    ("en", "praise", "Great service, thank you for your help"),
    ("en", "praise", "Very helpful and friendly"),
]  # fmt: skip

NOT_SAID = [
    ("es", "price", "No es culpa del precio"),
    ("es", "price", "El problema, dar la cara, es vuestro"),
    ("en", "price", "It is not about the price"),
    ("es", "praise", "No estoy nada contento con el servicio"),
    ("en", "praise", "I am not happy with the service"),
    ("es", "praise", "Cliente insatisfecho"),
    ("es", "wait", "No tuve que esperar mucho"),
    ("en", "wait", "I didn't have to wait long"),
    ("es", "rude_treatment", "El agente no fue grosero"),
    ("en", "rude_treatment", "The first agent was never rude"),
    ("es", "distrust", "Recibí el acuse de recibo"),
    ("es", "no_answer", "No puedo responder a la encuesta"),
    ("es", "legal_threat", "Hay mucha demanda del producto"),
    ("es", "bot_trap", "El robot aspirador es ruidoso"),
    ("en", "defective", "Another broken promise"),
    ("en", "defective", "Your website is broken"),
    ("es", "defective", "La web no funciona"),
    ("es", "delivery_late", "Llegué tarde a casa"),
    ("es", "cancel_difficulty", "La calidad no baja"),
    ("en", "app_error", "My mortgage application was fine"),
    ("en", "legal_threat", "The tennis court is fine"),
    ("es", "promise_broken", "Me dijeron que no hacía falta"),
    ("es", "data_privacy", "He dado mis datos tres veces"),
]  # fmt: skip


@pytest.mark.parametrize(("language", "topic", "text"), SAID)
def test_a_topic_is_heard(language: str, topic: str, text: str) -> None:
    assert topic in text_topics(text, language)


@pytest.mark.parametrize(("language", "topic", "text"), NOT_SAID)
def test_a_topic_is_not_heard_where_it_is_not(language: str, topic: str, text: str) -> None:
    assert topic not in text_topics(text, language)


def test_every_topic_is_heard_in_both_languages() -> None:
    assert {(language, topic) for language, topic, _ in SAID} == {
        (language, topic) for topic in TOPICS for language in ("es", "en")
    }


@pytest.mark.parametrize(
    ("language", "text", "topics"),
    [
        ("es", "Me han cobrado dos veces y nadie contesta", ("no_answer", "double_charge")),
        ("es", "Buenos días, quería consultar el horario de la tienda", ()),
        ("en", "Hello, what are your opening hours on Saturday?", ()),
        ("es", "No solo el precio: además la app no carga", ("app_error", "price")),
        ("es", "No. El precio es abusivo", ("price",)),
        ("es", "", ()),
        ("es-MX", "NADIE CONTESTA", ("no_answer",)),
        ("", "Nadie contesta. Nobody answers.", ("no_answer",)),
        ("ca", "I was charged twice", ("double_charge",)),
        ("en", "Nadie contesta", ()),
    ],
)
def test_all_topics_of_a_text_in_the_order_of_the_lexicon(language: str, text: str, topics: tuple[str, ...]) -> None:
    assert text_topics(text, language) == topics


@given(st.text(max_size=200), st.sampled_from(["es", "en", ""]))
def test_any_text_has_topics_of_the_lexicon_only(text: str, language: str) -> None:
    assert set(text_topics(text, language)) <= set(TOPICS)


@pytest.mark.parametrize(
    ("category", "category_raw", "mapped"),
    [
        ("billing", None, ("billing", True)),
        (None, "Facturación", ("billing", True)),
        (None, "Facturación y cobros", ("billing", True)),
        ("BILLING ", "whatever", ("billing", True)),
        ("zz9", "Entregas", ("delivery", True)),
        ("zz9", None, ("zz9", False)),
        (None, "Category 45", ("category_45", False)),
        (None, "Baja", ("cancellation", True)),
        (None, "Atención al cliente", ("complaint_handling", True)),
        (None, "General ledger", ("general_ledger", False)),
        (None, "x" * 200, ("x" * 64, False)),
        (None, None, ("", True)),
        ("", "¿?", ("", True)),
    ],
)
def test_a_category_is_mapped_or_kept(category: str | None, category_raw: str | None, mapped: tuple[str, bool]) -> None:
    assert map_category(category, category_raw) == mapped


@pytest.mark.parametrize("category", CATEGORIES)
def test_our_own_categories_map_to_themselves(category: str) -> None:
    assert map_category(category, None) == (category, True)


@given(st.text(max_size=100))
def test_a_category_is_always_a_short_slug(sent: str) -> None:
    category, _ = map_category(None, sent)
    assert len(category) <= 64
    assert set(category) <= set(string.ascii_lowercase + string.digits + "_")
    assert map_category(category, None)[0] == category
