"""Categories: maps what a source calls a contact or a complaint to the common taxonomy."""

from functools import lru_cache
from typing import Final

from processors.enrichment.topics import STOP, words_of

CATEGORY_LENGTH: Final = 64
"""Characters of a category at most."""


@lru_cache(maxsize=16_384)
def map_category(category: str | None, category_raw: str | None) -> tuple[str, bool]:
    """The category an event counts under, and whether it is one of ours.

    What the source calls its own `category` goes before `category_raw`. What is unknown is kept as sent: a slug of at
    most 64 characters, not mapped. An event without either has the category "" and nothing to map.
    """
    sent = [slug for slug in (_slug(category), _slug(category_raw)) if slug]
    for slug in sent:
        if known := _known_category(slug):
            return known, True
    return (sent[0][:CATEGORY_LENGTH].rstrip("_"), False) if sent else ("", True)


def category_of(name: str) -> str:
    """The category under which cases come that their source calls so."""
    return map_category(name, None)[0]


def _slug(category: str | None) -> str:
    return "_".join(word for word in words_of(category) if word != STOP) if category else ""


def _known_category(slug: str) -> str | None:
    """By its whole name, else by the first of its words that names a category: "facturacion_y_cobros" is billing."""
    if slug in _CATEGORY_NAMES:
        return _CATEGORY_NAMES[slug]
    named = (_CATEGORY_NAMES.get(word, "other") for word in slug.split("_"))
    return next((category for category in named if category != "other"), None)


CATEGORIES: Final[dict[str, str]] = {
    "billing": (
        "facturacion factura facturas cobro cobros cargo cargos recibo recibos invoice invoices invoicing charge "
        "charges bill bills billing_dispute fee fees comisiones"
    ),
    "payment": "pago pagos payments transferencia transferencias domiciliacion tarjeta card cards",
    "refund": "reembolso reembolsos devolucion devoluciones refunds return returns reintegro",
    "delivery": (
        "entrega entregas envio envios pedido pedidos reparto logistica shipping shipment order orders logistics"
    ),
    "product_fault": (
        "producto_defectuoso defectuoso defecto averia averias garantia defect defective faulty warranty "
        "product_issue product_quality"
    ),
    "technical": (
        "tecnico tecnica soporte_tecnico tecnologia web app aplicacion website internet conexion error errores "
        "incidencia_tecnica technical_support tech software hardware network connectivity system"
    ),
    "account": "cuenta cuentas acceso contrasena clave perfil usuario login password access profile user",
    "contract": (
        "contrato contratos contratacion alta condiciones permanencia contracts terms renewal renovacion poliza"
    ),
    "cancellation": "baja bajas cancelacion cancelar anulacion cancel cancellations termination churn",
    "price": "precio precios tarifa tarifas price prices pricing rates",
    "appointment": "cita citas visita visitas instalacion appointments installation visit booking reserva",
    "information": (
        "informacion consulta consultas duda dudas info question questions inquiry enquiry query general_info"
    ),
    "complaint_handling": (
        "reclamacion reclamaciones queja quejas atencion_al_cliente trato complaint complaints customer_service "
        "customer_relations"
    ),
    "privacy": "privacidad proteccion_de_datos datos_personales gdpr rgpd data_protection",
    "sales": "venta ventas comercial oferta ofertas sale offer offers upgrade",
    "other": "otro otros otra otras varios misc miscellaneous general sin_categoria none na",
}
"""Our categories, and the slugs that sources call them by, accents folded."""

_CATEGORY_NAMES: Final = {
    **{alias: category for category, aliases in CATEGORIES.items() for alias in aliases.split()},
    **{category: category for category in CATEGORIES},
}
