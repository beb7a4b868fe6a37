"""Topics: what a text is about is found, in Spanish and English, and nothing that it is not about."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.enrichment.lexicon import TOPICS
from processors.enrichment.topics import text_topics

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
