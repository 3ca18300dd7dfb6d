"""What a scroll may say: bounds, forms, and that only one form of it is read."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from gorillacomb.errors import UntrustedInput, UsageError
from gorillacomb.scrolls.funding import CURRENCIES, checked_funding
from gorillacomb.scrolls.model import Funding, ManifestRef, ScrollStatement
from gorillacomb.scrolls.moments import end_of, is_over, seconds_of
from gorillacomb.scrolls.spdx import license_problem, normalized_expression
from gorillacomb.scrolls.statement import parse_payload, to_payload
from gorillacomb.vaultmesh.jcs import canonical_json
from tests.scrolls.samples import STATEMENT, changed

HEX = st.binary(min_size=32, max_size=32).map(bytes.hex)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
AMOUNTS = st.integers(5_000_000, 10**15 - 1).map(lambda cents: f"{cents // 100}.{cents % 100:02}")


@st.composite
def statements(draw: st.DrawFn) -> ScrollStatement:
    funding = draw(st.none() | st.builds(Funding, AMOUNTS, st.sampled_from(sorted(CURRENCIES))))
    return ScrollStatement(
        "seal" if funding is None else "treaty",
        ManifestRef(draw(TEXT), draw(HEX), draw(HEX)),
        draw(TEXT),
        draw(st.dictionaries(st.just("LicenseRef-X"), HEX)),
        funding,
        draw(st.none() | st.just("2028-02-29T00:00:00Z")),
        f"gorillacomb/{draw(HEX)[:32]}",
        draw(st.integers(1, 10**19)),
        draw(HEX)[:32],
    )


@given(statements())
def test_what_is_written_is_read_and_canonical(statement: ScrollStatement) -> None:
    payload = to_payload(statement)
    assert parse_payload(payload) == statement
    assert rfc8785.dumps(json.loads(payload)) == payload


@given(statements(), st.data())
def test_no_other_bytes_are_ever_read_as_the_same(
    statement: ScrollStatement, data: st.DataObject
) -> None:
    payload = to_payload(statement)
    at = data.draw(st.integers(0, len(payload) - 1))
    other = payload[:at] + data.draw(st.binary(max_size=3)) + payload[at + 1 :]
    try:
        found = parse_payload(other)
    except UntrustedInput:
        return
    assert other == payload or found != statement


def payload_with(*path: str, value: Any = None, remove: bool = False) -> bytes:
    document = json.loads(to_payload(STATEMENT))
    inner = document
    for name in path[:-1]:
        inner = inner[int(name) if name.isdecimal() else name]
    if remove:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return canonical_json(document)


PLACES = [
    ("_type",),
    ("predicate",),
    ("predicateType",),
    ("subject",),
    ("subject", "0", "name"),
    ("subject", "0", "digest"),
    ("subject", "0", "digest", "sha256"),
    *(
        ("predicate", name)
        for name in (
            *("created_ns", "funding", "kind", "license", "log", "manifest", "nonce"),
            "valid_until",
        )
    ),
    ("predicate", "funding", "amount"),
    ("predicate", "funding", "currency"),
    ("predicate", "license", "expression"),
    ("predicate", "license", "texts"),
    ("predicate", "manifest", "name"),
    ("predicate", "manifest", "subject"),
]


@pytest.mark.parametrize("place", PLACES, ids="/".join)
def test_every_field_is_needed_and_checked(place: tuple[str, ...]) -> None:
    with pytest.raises(UntrustedInput, match=f"has no '{place[-1]}'|not an in-toto|neither treaty"):
        parse_payload(payload_with(*place, remove=True))
    values: list[Any] = [7, True, [], {}, "", "\x00" * 5000, {"": ""}, [[]], -1, "a"]
    for value in values:
        ours = place[-1] in ("expression", "name") and place[0] == "predicate" and value == "a"
        if ours or (place[-1] == "texts" and value == {}):
            continue
        with pytest.raises(UntrustedInput, match="refused"):
            parse_payload(payload_with(*place, value=value))
    if place != ("predicate", "valid_until"):
        with pytest.raises(UntrustedInput, match="refused"):
            parse_payload(payload_with(*place, value=None))


@pytest.mark.parametrize(
    "place",
    [(), ("predicate",), ("subject", "0"), ("subject", "0", "digest")]
    + [("predicate", name) for name in ("funding", "license", "manifest")],
    ids="/".join,
)
@pytest.mark.parametrize("name", ["more", "treaty_position", "planetary_motion_authorized"])
def test_unknown_fields_are_refused_by_name(place: tuple[str, ...], name: str) -> None:
    with pytest.raises(UntrustedInput, match=f"unknown key '{name}'"):
        parse_payload(payload_with(*place, name, value=1))


def test_a_seal_has_no_funding_and_a_treaty_has_some() -> None:
    with pytest.raises(UntrustedInput, match="unknown key 'funding'"):
        parse_payload(payload_with("predicate", "kind", value="seal"))
    seal = replace(STATEMENT, kind="seal", funding=None)
    assert parse_payload(to_payload(seal)) == seal
    with pytest.raises(UntrustedInput, match="has no 'funding'"):
        parse_payload(to_payload(replace(seal, kind="treaty")))


def test_a_later_version_is_named() -> None:
    later = payload_with("predicateType", value="urn:gorillacomb:scroll:v2")
    with pytest.raises(UntrustedInput, match="later version"):
        parse_payload(later)


def test_a_payload_is_bounded() -> None:
    texts = {f"LicenseRef-{n}": "0" * 64 for n in range(65)}
    with pytest.raises(UntrustedInput, match="too many"):
        parse_payload(to_payload(changed(license_texts=texts)))
    with pytest.raises(UntrustedInput, match="too long"):
        parse_payload(to_payload(changed(license="M" * 2049)))
    with pytest.raises(UntrustedInput, match="64 KiB"):
        parse_payload(b'"' + b"x" * (64 << 10) + b'"')
    with pytest.raises(UntrustedInput, match="nested"):
        parse_payload(b"[" * 40_000)


def test_duplicate_names_are_refused() -> None:
    payload = to_payload(STATEMENT)
    for bad in (
        payload.replace(b'"amount":', b'"amount":"1.00","amount":'),
        payload.replace(b'"nonce":', b'"nonce":"","nonce":'),
    ):
        with pytest.raises(UntrustedInput, match="twice"):
            parse_payload(bad)


# Funding.

TOO_LITTLE = ["49999.99", "10000.00", "1.00"]
NO_AMOUNT = [
    *("0.00", "050000.00", "50000", "50000.0", "50000.000", "50,000.00", "+50000.00", "-50000.00"),
    *("5e4", "5E+4", "50000.00e0", "NaN", "Infinity", "-Infinity", "0x1.p16", " 50000.00"),
    *("50000.00\n", "٥٠٠٠٠.٠٠", "10000000000000.00", "9" * 400 + ".00", "", "50000,00"),
]


def test_the_least_amount_is_exactly_fifty_thousand() -> None:
    assert checked_funding("50000.00", "USD") == Funding("50000.00", "USD")
    assert checked_funding("50000.01", "EUR").amount == "50000.01"
    assert checked_funding("9999999999999.99", "JPY").amount == "9999999999999.99"
    for amount in TOO_LITTLE:
        with pytest.raises(ValueError, match="below"):
            checked_funding(amount, "USD")


@pytest.mark.parametrize("amount", [*NO_AMOUNT, None, 50000, 50000.0, float("nan"), [], {}, True])
def test_what_is_no_amount(amount: object) -> None:
    with pytest.raises(ValueError, match="two decimals"):
        checked_funding(amount, "USD")


@pytest.mark.parametrize(
    "currency", ["usd", "US", "XXX", "XTS", "XAU", "BTC", "", None, 840, " USD"]
)
def test_what_is_no_currency(currency: object) -> None:
    with pytest.raises(ValueError, match="ISO 4217"):
        checked_funding("50000.00", currency)


@given(st.text(alphabet="0123456789.eE+-, ", max_size=20) | AMOUNTS)
def test_an_amount_is_never_below_and_always_exact_as_a_number(text: str) -> None:
    try:
        found = checked_funding(text, "USD")
    except ValueError:
        return
    assert Decimal(found.amount) >= 50_000
    # As a JSON number it reads back as the same amount.
    assert f"{json.loads(json.dumps(float(found.amount))):.2f}" == found.amount == text


# Moments.


def test_a_moment_is_over_only_after_its_second() -> None:
    end = end_of("2027-01-31")
    assert end == "2027-01-31T23:59:59Z"
    last = seconds_of(end) * 10**9
    assert not is_over(end, last) and not is_over(end, last + 10**9 - 1)
    assert is_over(end, last + 10**9)
    assert not is_over(None, 1 << 62)


@pytest.mark.parametrize(
    "text",
    [
        *("2027-02-29", "2027-13-01", "2027-1-1", "27-01-01", "2027-01-01T24:00:00Z", "tomorrow"),
        *("2027-01-01T00:00:00", "2027-01-01T00:00:00+00:00", "2027-01-01T00:00:00.5Z", ""),
        *("2027-01-01 00:00:00Z", "2027-01-01T23:59:60Z", "٢٠٢٧-٠١-٠١", "2027-01-01\n"),
    ],
)
def test_what_is_no_moment(text: str) -> None:
    with pytest.raises(ValueError, match=r"neither a date|no such date"):
        end_of(text)


# Licences.


def test_expressions_in_the_spelling_of_spdx() -> None:
    assert normalized_expression("mit or apache-2.0") == "MIT OR Apache-2.0"
    assert normalized_expression("GPL-2.0-only WITH classpath-exception-2.0") == (
        "GPL-2.0-only WITH Classpath-exception-2.0"
    )
    assert license_problem("MIT AND (Apache-2.0 OR BSD-3-Clause)", ()) is None


BAD = [
    *("MIT AND", "AND", "(", "MIT)", "MIT Apache-2.0", "MIT WITH Foo", "Foo", "NONE", "", " "),
    *("GPL-2.0-only WITH MIT", "Classpath-exception-2.0", "MIT/Apache", "MIT;", "licenseref-x"),
    *("DocumentRef-a:LicenseRef-b", "LicenseRef-", "MIT\n", "MIT\x00", "ＭＩＴ", "M" * 3000),
    "MIT OR " * 400 + "MIT",
]


@pytest.mark.parametrize("text", BAD)
def test_what_is_no_expression(text: str) -> None:
    with pytest.raises(UsageError, match="licence"):
        normalized_expression(text)
    assert license_problem(text, ()) is not None


def test_a_license_of_ones_own_is_known_with_its_text_alone() -> None:
    """Also one that a list of others has: SPDX gives no meaning to the name."""
    for name in ("LicenseRef-Ours", "LicenseRef-scancode-public-domain"):
        assert normalized_expression(f"MIT OR {name}") == f"MIT OR {name}"
        assert name in (license_problem(f"MIT OR {name}", ()) or "")
        assert license_problem(f"MIT OR {name}", (name,)) is None


@given(st.text(alphabet="MIT ANDORWTHGPL-20.+()LicenseRef", max_size=60))
def test_any_text_is_an_expression_or_refused(text: str) -> None:
    try:
        found = normalized_expression(text)
    except UsageError:
        return
    assert normalized_expression(found) == found
