"""The funding of a treaty: an amount with two decimals, and a currency (ISO 4217)."""

from __future__ import annotations

import re
from decimal import Decimal

from gorillacomb.scrolls.model import Funding

LEAST = Decimal(50_000)
"""The least amount of a treaty, whatever the currency: nothing is converted."""
_AMOUNT = re.compile(r"[1-9][0-9]{0,12}\.[0-9]{2}", re.ASCII)
"""At most 15 digits, so that the amount is exact as a JSON number too."""
_CODES = """
    AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD
    CAD CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS
    GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW
    KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR
    MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR
    SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX
    USD UYU UZS VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG
"""
CURRENCIES = frozenset(_CODES.split())
"""The codes of money that is in use; not those of funds, metals and tests."""


def checked_funding(amount: object, currency: object) -> Funding:
    """Return a treaty's funding. Raises ValueError, which says what is wrong."""
    if not isinstance(amount, str) or _AMOUNT.fullmatch(amount) is None:
        raise ValueError("its funding is not an amount with two decimals, such as 50000.00")
    if Decimal(amount) < LEAST:
        raise ValueError(f"its funding is below {LEAST:,}.00")
    if not isinstance(currency, str) or currency not in CURRENCIES:
        raise ValueError("its currency is not a code of ISO 4217, such as USD")
    return Funding(amount, currency)
