"""Check digits of the numbers by which persons are known: IBAN, CCC, DNI and NIE, payment card.

They tell such numbers from references: `identifiers` rejects by them, `enrichment` masks by them.
"""

import re
from operator import mul
from typing import Final

IBAN_LENGTHS: Final = {
    country: length
    for length, countries in {
        15: "NO", 16: "BE", 18: "DK FI FK FO GL NL SD", 19: "MK SI", 20: "AT BA EE KZ LT LU MN XK", 21: "CH HR LI LV",
        22: "BG BH CR DE GB GE IE ME RS VA", 23: "AE GI IL IQ OM SO TL", 24: "AD CZ ES MD PK RO SA SE SK TN VG",
        25: "LY PT ST", 26: "IS TR", 27: "BI DJ FR GR IT MC MR SM", 28: "AL AZ BY CY DO GT HN HU LB NI PL SV",
        29: "BR EG PS QA UA", 30: "JO KW MU YE", 31: "MT SC", 32: "LC", 33: "RU",
    }.items()
    for country in countries.split()
}  # fmt: skip
"""Country -> characters of its IBANs, by the IBAN Registry (SWIFT, the registration authority of ISO 13616).

Without it one random identifier in a hundred has right check digits.
"""

_VALUES: Final = {character: str(int(character, 36)) for character in "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"}
_DNI_LETTERS: Final = "TRWAGMYFPDXBNJZSQVHLCKE"
_DOUBLED: Final = str.maketrans("0123456789", "0246813579")
_CCC_WEIGHTS: Final = (1, 2, 4, 8, 5, 10, 9, 7, 3, 6)

_ISSUED: Final = {
    digits: re.compile(prefixes)
    for digits, prefixes in {
        14: "3(?:0[0-5]|[689])",  # Diners Club
        15: "3[47]",  # American Express
        # Visa, Mastercard, Discover, UnionPay, JCB, Maestro
        16: (
            "4|5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720|6011|64[4-9]|65|62|81|352[89]|35[3-8]"
            "|50(?:18|20|38)|5893|6304|6759|676[1-3]"
        ),
        18: "4|62",
        19: "4|6011|64[4-9]|65|62|50(?:18|20|38)|5893|6304|6759|676[1-3]",
    }.items()
}
"""Digits of a card number -> by what it begins: the schemes' own tables, for ISO/IEC 7812 leaves the lengths to them.

Visa's of 13 digits are no longer issued, and articles of trade have as many (EAN-13).
"""


def iban_checks(iban: str) -> bool:
    """Whether the check digits of an IBAN hold: ISO 13616-1 by ISO/IEC 7064, MOD 97-10.

    Without separators, the country first.
    """
    turned = (iban[4:] + iban[:4]).upper()
    return int("".join([_VALUES[character] for character in turned])) % 97 == 1


def ccc_checks(digits: str) -> bool:
    """Whether the two check digits of a Spanish account number hold: CCC, of which a Spanish IBAN is made.

    Of its 20 digits the ninth checks bank and branch, the tenth the account: weights 1 2 4 8 5 10 9 7 3 6 modulo 11, as
    the Consejo Superior Bancario laid down.
    """
    return digits[8] == _ccc_digit("00" + digits[:8]) and digits[9] == _ccc_digit(digits[10:])


def _ccc_digit(ten: str) -> str:
    rest = 11 - sum(map(mul, _CCC_WEIGHTS, map(int, ten))) % 11
    return {10: "1", 11: "0"}.get(rest, str(rest))


def dni_checks(number: str, letter: str) -> bool:
    """Whether the letter of a DNI or NIE holds: the number modulo 23, as the Ministerio del Interior publishes it.

    Of what they consist: Real Decreto 1065/2007, articles 19 and 20 (NIF), Orden INT/2058/2008 (NIE).
    `number` has eight digits, or X, Y or Z and seven (NIE), which count as 0, 1 and 2; capital letters.
    """
    digits = str("XYZ".index(number[0])) + number[1:] if number[0] in "XYZ" else number
    return _DNI_LETTERS[int(digits) % 23] == letter


def luhn_checks(digits: str) -> bool:
    """Whether the last digit is the check digit of the others: Luhn (ISO/IEC 7812-1, annex B)."""
    return (sum(map(int, digits[-1::-2])) + sum(map(int, digits[-2::-2].translate(_DOUBLED)))) % 10 == 0


def card_checks(digits: str) -> bool:
    """Whether it is a payment card's number: one that a scheme issues, and whose check digit holds.

    A device's IMEI (15 digits) has the same check digit, and is none.
    """
    issued = _ISSUED.get(len(digits))
    return issued is not None and issued.match(digits) is not None and luhn_checks(digits)
