"""Check digits of the numbers by which persons are known: IBAN (ISO 13616), DNI and NIE, payment card (ISO/IEC 7812).

They tell such numbers from references: `identifiers` rejects by them, `enrichment.redaction` masks by them.
"""

from typing import Final

IBAN_LENGTHS: Final = {
    country: length
    for length, countries in {
        15: "NO", 16: "BE", 18: "DK FI FO GL NL SD", 19: "MK SI", 20: "AT BA EE KZ LT LU XK", 21: "CH HR LI LV",
        22: "BG BH CR DE GB GE IE ME RS VA", 23: "AE GI IL IQ TL", 24: "AD CZ ES MD PK RO SA SE SK TN VG",
        25: "LY PT ST", 26: "IS TR", 27: "BI DJ FR GR IT MC MR SM", 28: "AL AZ BY CY DO GT HU LB NI PL SV",
        29: "BR EG PS QA UA", 30: "JO KW MU", 31: "MT SC", 32: "LC", 33: "RU",
    }.items()
    for country in countries.split()
}  # fmt: skip
"""Country -> characters of its IBANs. Without it one random identifier in a hundred has right check digits."""

_VALUES: Final = {character: str(int(character, 36)) for character in "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"}
_DNI_LETTERS: Final = "TRWAGMYFPDXBNJZSQVHLCKE"
_DOUBLED: Final = str.maketrans("0123456789", "0246813579")


def iban_checks(iban: str) -> bool:
    """Whether the check digits of an IBAN hold: modulo 97 (ISO 7064). Without separators, the country first."""
    turned = (iban[4:] + iban[:4]).upper()
    return int("".join([_VALUES[character] for character in turned])) % 97 == 1


def dni_checks(number: str, letter: str) -> bool:
    """Whether the letter of a DNI or NIE holds: modulo 23 (Real Decreto 338/1990, Orden INT/2058/2008).

    `number` has eight digits, or X, Y or Z and seven (NIE); capital letters.
    """
    digits = str("XYZ".index(number[0])) + number[1:] if number[0] in "XYZ" else number
    return _DNI_LETTERS[int(digits) % 23] == letter


def card_checks(digits: str) -> bool:
    """Whether the last digit of a payment card's number is its check digit: Luhn (ISO/IEC 7812-1)."""
    return (sum(map(int, digits[-1::-2])) + sum(map(int, digits[-2::-2].translate(_DOUBLED)))) % 10 == 0
