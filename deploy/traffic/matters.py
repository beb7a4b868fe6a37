"""What generated customers come about, what they write, and who they are. Data for stories."""

from dataclasses import dataclass
from random import Random
from typing import Any, Final

from schemas.taxonomy import TopicClass


@dataclass(frozen=True, slots=True)
class Matter:
    """One reason to contact us. `sent` is what different sources call its category; the last ones nobody maps."""

    sent: tuple[str, ...]
    weight: float
    product: str
    process: str
    stage: str
    otc_stage: str
    element: str
    origin_area: str
    team: str
    topic_class: TopicClass
    texts: dict[str, tuple[str, ...]]
    """What is written when something went wrong before."""
    queue: str
    """Where those wait who call."""
    failure: float
    """Share of the contacts that need not have been, had something else been done right."""
    requests: dict[str, tuple[str, ...]]
    """What is written by who only wants something."""


MATTERS: Final = (
    Matter(
        ("billing", "Facturación", "Cobros"), 24, "fibra", "facturacion", "pay", "invoicing", "process", "facturacion",
        "facturacion", "billing_undue_charge",
        {
            "es": (
                "Me han cobrado dos veces y nadie contesta",
                "Hay un cargo indebido en mi factura de este mes, quiero que me devuelvan el dinero",
                "Me han subido la tarifa sin avisar, el precio es muy caro",
            ),
            "en": (
                "I was charged twice and nobody answers the phone",
                "There is an incorrect charge on my bill, I want my money back",
                "My bill is too expensive, you changed the terms without any notice",
            ),
        },
        "Facturación", 0.6, {
            "es": ("¿Me podéis mandar un duplicado de la factura?", "Quiero cambiar la cuenta en la que me cobráis"),
            "en": ("Could you send me a copy of my invoice?", "I would like to pay from another account"),
        },
    ),
    Matter(
        ("delivery", "Entregas", "Logística y envíos"), 20, "tienda-online", "reparto", "buy", "delivery", "resource",
        "logistica", "envios", "general",
        {
            "es": (
                "El pedido llega con dos semanas de retraso",
                "El paquete nunca llegó y consta como entregado",
                "Me prometieron que llegaba el lunes y nadie ha venido",
            ),
            "en": (
                "My order never arrived",
                "The parcel is late again, you promised Monday but nothing came",
                "It is marked as delivered but I have not received the package",
            ),
        },
        "Pedidos y envíos", 0.7, {
            "es": ("Quiero recoger el pedido en la tienda", "¿Puedo cambiar la dirección de entrega?"),
            "en": ("Can I collect my order in the shop?", "I want it sent to another address"),
        },
    ),
    Matter(
        ("technical", "Soporte técnico", "Avería"), 16, "fibra", "averias", "use", "none", "system", "red",
        "soporte", "service_continuity",
        {
            "es": (
                "Llevo tres días esperando al técnico y no se presentó",
                "El router no funciona y la app da error al entrar",
                "No puedo entrar en la web desde ayer",
            ),
            "en": (
                "The technician didn't show up for the appointment",
                "The router stopped working and the app keeps crashing",
                "Your website is down again",
            ),
        },
        "Soporte técnico", 0.75, {
            "es": ("¿Cómo conecto un segundo router?", "Quiero más velocidad"),
            "en": ("How do I connect a second router?", "I would like a faster line"),
        },
    ),
    Matter(
        ("product_fault", "Producto defectuoso", "Garantía"), 10, "movil", "garantias", "use", "return", "product",
        "producto", "postventa", "general",
        {
            "es": ("El móvil vino con la pantalla rota", "El aparato no enciende, sigo esperando el reembolso"),
            "en": ("The phone arrived with a broken screen", "It stopped working, I am still waiting for my refund"),
        },
        "Posventa", 0.8, {
            "es": ("¿Hasta cuándo tengo garantía?", "Quiero ampliar la garantía"),
            "en": ("How long is my warranty?", "I would like to extend the warranty"),
        },
    ),
    Matter(
        ("cancellation", "Baja"), 8, "movil", "bajas", "leave", "none", "policy", "comercial", "bajas", "general",
        {
            "es": (
                "Quiero darme de baja y no me dejan cancelar el contrato",
                "Me voy a la competencia, es imposible darse de baja",
            ),
            "en": ("I can't cancel my subscription", "I am switching to another provider and you refuse to cancel"),
        },
        "Bajas y retención", 0.5, {
            "es": ("Quiero pasar la línea a nombre de mi hija", "¿Hasta cuándo tengo permanencia?"),
            "en": ("I want to move the line to my daughter's name", "Until when am I tied in?"),
        },
    ),
    Matter(
        ("contract", "Contratos"), 7, "seguro", "contratacion", "onboard", "order_entry", "structure", "comercial",
        "contratos", "general",
        {
            "es": ("No me informaron de la permanencia", "Las condiciones del contrato son distintas de lo prometido"),
            "en": ("It was hidden in the small print", "You changed the terms of my contract"),
        },
        "Contratación", 0.3, {
            "es": ("Quiero contratar la fibra para la oficina", "¿Qué seguro me recomendáis?"),
            "en": ("I would like to order the line for my office", "Which insurance would suit me?"),
        },
    ),
    Matter(
        ("complaint_handling", "Atención al cliente"), 6, "atencion", "atencion", "support", "none", "people",
        "atencion", "atencion", "general",
        {
            "es": (
                "He tenido que repetir mi historia cinco veces, me pasan de un departamento a otro",
                "La agente fue muy grosera y me colgó el teléfono",
                "Solo quiero hablar con una persona, el chatbot repite siempre lo mismo",
            ),
            "en": (
                "I had to explain everything again, transferred four times between departments",
                "Your agent was rude and hung up on me",
                "I just want to speak to a human",
            ),
        },
        "Atención al cliente", 0.9, {
            "es": ("¿Con quién tengo que hablar para una visita comercial?",),
            "en": ("Whom do I talk to about a business visit?",),
        },
    ),
    Matter(
        ("privacy", "Protección de datos"), 2, "cuenta", "datos", "use", "none", "policy", "legal", "privacidad",
        "data_protection",
        {
            "es": ("Habéis compartido mis datos personales, hablaré con mi abogado",),
            "en": ("You shared my personal data, I will take legal action",),
        },
        "Privacidad", 0.4, {
            "es": ("Quiero saber qué datos tenéis de mí",),
            "en": ("Please tell me what data you hold about me",),
        },
    ),
    Matter(
        ("information", "Consulta", "ZZ-7 sin clasificar"), 7, "tienda", "informacion", "discover", "none", "unknown",
        "tienda", "informacion", "other",
        {
            "es": ("El horario de la web está mal, la tienda estaba cerrada",),
            "en": ("The shop was closed, your website has the wrong opening hours",),
        },
        "Información", 0.05, {
            "es": ("Buenos días, quería saber el horario de la tienda", "¿Hacen envíos a Canarias?"),
            "en": ("Hello, what are your opening hours?", "Do you ship to Ireland?"),
        },
    ),
)  # fmt: skip

PRAISE: Final = {
    "es": ("Excelente atención, muy amables", "Muy rápidos, estoy muy contenta con el trato"),
    "en": ("Great service, thank you for your help", "Very helpful and friendly"),
}
ANGER: Final = {
    "es": ("Nadie contesta y llevo semanas esperando", "Me prometieron una llamada y nadie ha llamado"),
    "en": ("Nobody answers, I have been waiting for weeks", "You promised a call but nobody phoned"),
}

_COUNTRIES: Final = ("ES", "ES", "ES", "ES", "ES", "ES", "ES", "MX", "GB", "IE")
_RELATIONSHIPS: Final = ("b2c", "b2c", "b2c", "b2c", "b2c", "b2c", "b2c", "b2b", "b2b", "g2c")
_SEGMENTS: Final = ("hogar", "hogar", "joven", "premium", "pyme")


def customer(number: int) -> dict[str, Any]:
    """The same customer for the same number, in every run."""
    mixed = number * 2_654_435_761 >> 4
    return {
        "id": f"c-{number:06}",
        "relationship": _RELATIONSHIPS[mixed % 10],
        "segment": _SEGMENTS[mixed // 10 % 5],
        "value_band": "abcde"[mixed // 50 % 5],
        "vulnerable": mixed % 97 < 4,
        "country": _COUNTRIES[mixed // 7 % 10],
    }


_LETTERS: Final = "TRWAGMYFPDXBNJZSQVHLCKE"
_NAMES: Final = ("ana", "luis", "marta", "pablo", "lucia", "john", "mary")


def personal_sentences(random: Random, language: str, count: int) -> tuple[str, ...]:
    """Sentences that give away personal data, invented but with right check digits: what must not leave us."""
    spanish = language == "es"
    return tuple(
        _personal(random, kind, spanish) for kind in random.choices(("email", "phone", "dni", "iban", "card"), k=count)
    )


def _personal(random: Random, kind: str, spanish: bool) -> str:
    if kind == "email":
        address = f"{random.choice(_NAMES)}.{random.randrange(100, 999)}@example.com"
        return f"Mi correo es {address}." if spanish else f"My e-mail is {address}."
    if kind == "phone":
        number = f"6{random.randrange(10**7, 10**8)}"
        return f"Llamadme al {number[:3]} {number[3:6]} {number[6:]}." if spanish else f"Call me on +34 {number}."
    if kind == "dni":
        digits = random.randrange(10**7, 10**8)
        document = f"{digits}{_LETTERS[digits % 23]}"
        return f"Mi DNI es {document}." if spanish else f"My ID is {document}."
    if kind == "iban":
        account = f"{random.randrange(10**19, 10**20)}"
        check = 98 - int(f"{account}142800") % 97
        iban = f"ES{check:02}{account}"
        return f"Mi cuenta es {iban}." if spanish else f"My account is {iban}."
    body = f"4{random.randrange(10**13, 10**14):014}"
    card = body + _luhn_digit(body)
    grouped = " ".join(card[place : place + 4] for place in range(0, 16, 4))
    return f"Pagué con la tarjeta {grouped}." if spanish else f"I paid with card {grouped}."


def _luhn_digit(body: str) -> str:
    doubled = sum(sum(divmod(2 * int(digit), 10)) for digit in body[-1::-2])
    return str(-(doubled + sum(map(int, body[-2::-2]))) % 10)
