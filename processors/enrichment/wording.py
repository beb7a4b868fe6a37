"""What the words around a number say that it is: a telephone number, a reference, an amount, a quantity.

Spanish and English, and what telephones are called in French, German, Italian, Dutch and Portuguese. Of normalised
texts: without accents.
"""

import re
from typing import Final, NamedTuple


class Before(NamedTuple):
    """The words before a number, the nearest first; a character that is neither a word nor harmless is one, too."""

    words: list[str]
    attached: bool
    """Whether the number begins where the last word ends."""

    def name_a_phone(self) -> bool:
        place = self._after(_FILLERS_OF_PHONES)
        word = self._at(place)
        if self.attached:
            return place == 0 and (word in _PHONES or (word[:2] in ("mi", "my") and word[2:] in _PHONES))
        if word in _PHONES or word.removesuffix("s") in _PHONES:
            return True
        return word.startswith(_CALLING) and self._at(0) in _AT

    def name_an_identity(self) -> bool:
        word = self._at(self._after(_FILLERS_OF_IDENTITIES))
        return word in _IDENTITIES or (word == "identidad" and "documento" in self.words)

    def name_a_reference(self) -> bool:
        if self._at(0) in _NUMBER_SIGNS:
            return True
        word = self._at(self._after(_FILLERS_OF_REFERENCES))
        return word in _REFERENCES or word.removesuffix("s") in _REFERENCES

    def name_an_amount(self) -> bool:
        return self._at(0) in _CURRENCIES or self._at(self._after(_FILLERS_OF_AMOUNTS)) in _AMOUNTS

    def _at(self, place: int) -> str:
        return self.words[place] if place < len(self.words) else ""

    def _after(self, fillers: frozenset[str]) -> int:
        """The first word that is no filler, after three of these at most."""
        place = 0
        while place < min(3, len(self.words)) and self.words[place] in fillers:
            place += 1
        return place


NO_WORDS: Final = Before([], attached=False)


def words_before(text: str, start: int) -> Before:
    """The words before a number that begins at `start`, as far as they may concern it."""
    before = text[max(0, start - _LOOKED_AT) : start]
    words = _WORDS.findall(before.lower())
    words.reverse()
    return Before(words, before[-1:].isalpha())


def is_quantity_after(text: str, stop: int) -> bool:
    """Whether a currency or a unit follows a number that ends at `stop`."""
    return _QUANTITY.match(text, stop) is not None


def is_called_a_phone_after(text: str, stop: int) -> bool:
    """Whether the text says after a number that it is somebody's telephone: `es mi móvil`."""
    return _IS_A_PHONE.match(text, stop) is not None


_LOOKED_AT: Final = 40
_WORDS: Final = re.compile(r"[^\W\d_]+°?|[^\w\s.:,=(\"'+*-]|[\d_]")


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_PHONES: Final = _set(
    "tel telf tlf tfn tfno tlfno telefono telephone telefon telefono movil mobile mob phone cell celular cellulare "
    "handy handynummer rufnummer portable fijo fax whatsapp watsap wasap whats wa gsm telemovel telemovil telefoon"
)
_FILLERS_OF_PHONES: Final = _set(
    "es is el al a at on en mi my me the numero number num no nr n nº n° de del contacto contact personal particular "
    "nuevo new ist est e de la mio fijo movil us him her back su your"
)
_CALLING: Final = ("llam", "contact", "localiz", "avis", "call", "phone", "ring", "reach", "text", "escrib", "appel")
_AT: Final = _set("al a on at el en au")

_IDENTITIES: Final = _set("dni nif nie")
_FILLERS_OF_IDENTITIES: Final = _set("es el is con n no nº n° num numero number")

_REFERENCES: Final = _set(
    "pedido order ref referencia reference factura invoice expediente incidencia ticket caso case contrato contract "
    "reclamacion complaint albaran seguimiento tracking localizador booking poliza policy sku serie serial modelo "
    "model imei ean isbn codigo code articulo producto product part envio shipment reserva cliente customer client "
    "cups bastidor matricula contador meter lote batch transaccion transaction operacion operation account id recibo "
    "receipt solicitud request tarea presupuesto oferta queja claim parcel paquete version build"
)
_FILLERS_OF_REFERENCES: Final = _set("n nº n° no nr num numero number id code codigo es is")
_NUMBER_SIGNS: Final = _set("# nº n°")
_AMOUNTS: Final = _set(
    "presupuesto importe total precio coste costo saldo capital budget amount price balance turnover facturacion valor "
    "value sum suma"
)
_FILLERS_OF_AMOUNTS: Final = _set("de del es era of is un una a por")
_CURRENCIES: Final = _set("€ $ £")

_QUANTITY: Final = re.compile(
    r"\s?(?:[€$£%]|(?:euros?|eur|usd|gbp|dolar(?:es)?|dollars?|pounds?|pesetas|[kmgt]?wh|[kmgt]b|bytes|k?m[23]?|km/h"
    r"|kg|gr?|litros?|l|segundos?|seconds?|minutos?|minutes?|horas?|hours?|h|s|ms|veces|times|pasos|steps|puntos|points"
    r"|unidades|units|millones|habitantes|visitas|clientes|usuarios|users)(?![a-z0-9]))",
    re.IGNORECASE,
)
_IS_A_PHONE: Final = re.compile(
    r"[\s,:(]{0,3}(?:que\s|which\s)?(?:es|is|era)\s(?:mi|my|el|nuestro|our|the)\s(?:numero\s(?:de\s)?)?"
    r"(?:movil|telefono|tel|tlf|fijo|numero|phone|mobile|number|cell|whatsapp)",
    re.IGNORECASE,
)
