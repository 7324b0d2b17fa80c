"""Personal data does not leave in clear; what representatives need stays."""

from __future__ import annotations

import string
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import luhn
from stdnum.cn import ric
from stdnum.iso7064 import mod_97_10

from frontdesk.streams.redact import redact, spans
from frontdesk.streams.spans import Span, merge

FULL_WIDTH = str.maketrans("0123456789", "０１２３４５６７８９")
ARABIC = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")

around = st.text(st.characters(exclude_categories=["Nd", "Nl", "No", "Cs"]), max_size=12).map(
    lambda text: "".join(
        char for char in text if not (char.isascii() and (char.isalnum() or char in "+(-._/@ "))
    )
)
digits = st.text(string.digits, min_size=1, max_size=20)


@st.composite
def cards(draw: st.DrawFn) -> str:
    size = draw(st.integers(13, 19))
    body = draw(st.sampled_from("3456")) + "".join(
        draw(st.lists(st.sampled_from(string.digits), min_size=size - 2, max_size=size - 2))
    )
    number = body + luhn.calc_check_digit(body)
    gap = draw(st.sampled_from(["", " ", "-", "–", "\u3000"]))
    return gap.join(number[at : at + 4] for at in range(0, len(number), 4))


@st.composite
def mobiles(draw: st.DrawFn) -> str:
    number = "1" + draw(st.sampled_from("3456789")) + draw(st.text(string.digits, min_size=9, max_size=9))
    gap = draw(st.sampled_from(["", " ", "-", ".", "\u200b"]))
    prefix = draw(st.sampled_from(["", "+86", "+86 ", "0086 ", "(+86)"]))
    written = prefix + gap.join((number[:3], number[3:7], number[7:]))
    return written.translate(draw(st.sampled_from([{}, FULL_WIDTH, ARABIC])))


@st.composite
def ids(draw: st.DrawFn) -> str:
    region = draw(st.sampled_from(["110105", "440304", "310101", "650102"]))
    birth = f"{draw(st.integers(1930, 2019))}{draw(st.integers(1, 12)):02}{draw(st.integers(1, 28)):02}"
    body = f"{region}{birth}{draw(st.integers(0, 999)):03}"
    number = body + ric.calc_check_digit(body + "0")
    return number.lower() if draw(st.booleans()) else number


@st.composite
def ibans(draw: st.DrawFn) -> str:
    country, size = draw(st.sampled_from([("DE", 18), ("FR", 23), ("NL", 14), ("GB", 18), ("NO", 11)]))
    bban = draw(st.text(string.digits + string.ascii_uppercase, min_size=size, max_size=size))
    number = country + mod_97_10.calc_check_digits(bban + country) + bban
    gap = draw(st.sampled_from(["", " "]))
    return gap.join(number[at : at + 4] for at in range(0, len(number), 4))


@given(st.text())
def test_any_text_is_redacted_without_error_and_stays_redacted(text: str) -> None:
    once = redact(text)
    assert redact(once) == once
    found = spans(text)
    assert all(0 <= span.start < span.end <= len(text) for span in found)
    assert all(one.end <= two.start for one, two in pairwise(found))


@given(st.text(string.digits + " -+().@xX/ａ１DE", max_size=120))
def test_any_digits_are_redacted_without_error(text: str) -> None:
    once = redact(text)
    assert redact(once) == once


@pytest.mark.parametrize(
    ("kind", "values"),
    [("CARD", cards()), ("PHONE", mobiles()), ("ID", ids()), ("IBAN", ibans()), ("EMAIL", st.emails())],
)
def test_nothing_of_a_hit_is_left(kind: str, values: st.SearchStrategy[str]) -> None:
    @given(values, around, around)
    def check(value: str, before: str, after: str) -> None:
        found = spans(f"{before} {value} {after}")
        assert len(found) == 1
        assert found[0].kind in (kind, "ID")  # a card of 18 digits may be a valid id as well
        assert found[0].start <= len(before) + 1
        assert found[0].end >= len(before) + 1 + len(value)
        assert value not in redact(f"{before} {value} {after}")

    check()


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("我的电话13800138000，邮箱foo.bar+x@mail.example.com谢谢", "我的电话[PHONE]，邮箱[EMAIL]谢谢"),
        ("打１３８－００１３－８０００给我", "打[PHONE]给我"),
        ("座机 010-62345678 或 0571 8765 4321", "座机 [PHONE] 或 [PHONE]"),
        ("call (415) 555-2671 or 020 7946 0958", "call [PHONE] or [PHONE]"),
        ("reach me on +44 20 7946 0958 today", "reach me on [PHONE] today"),
        ("tel 2025550143", "tel [PHONE]"),
        ("1 3 8 0 0 1 3 8 0 0 0", "[PHONE]"),
        ("card 4111 1111 1111 1111 exp 12/27", "card [CARD] exp 12/27"),
        ("卡号6222021234567890128", "卡号[CARD]"),
        ("身份证11010519491231002X", "身份证[ID]"),
        ("IBAN DE89 3704 0044 0532 0130 00 bitte", "IBAN [IBAN] bitte"),
        ("me@例子.测试", "[EMAIL]"),
    ],
)
def test_examples(text: str, clean: str) -> None:
    assert redact(text) == clean


@pytest.mark.parametrize(
    "text",
    [
        "20240115123456789 还没到",
        "快递单号 SF1234567890123",
        "1234567890, 12345678 and SF1234567890123",
        "2024-01-15 10:30 或 15/01/2024",
        "price 1299.00 x 3, size 38-40, version 3.10.2",
        "192.168.100.200",
        "follow @brand and 50 % off",
        "GB82WEST12345698765433",
        "11010519491231002",
        "错误代码 E05，型号 X1900-220",
    ],
)
def test_what_is_not_personal_stays(text: str) -> None:
    assert redact(text) == text


def test_overlapping_hits_are_covered_whole_and_named_by_the_longest() -> None:
    hits = (
        Span(start=2, end=8, kind="PHONE"),
        Span(start=5, end=20, kind="CARD"),
        Span(start=30, end=31, kind="ID"),
    )
    assert merge(hits) == (Span(start=2, end=20, kind="CARD"), Span(start=30, end=31, kind="ID"))


@pytest.mark.parametrize(
    "piece",
    [
        "a",
        "a@",
        "1",
        "1 ",
        "12 ",
        "1234 ",
        "DE89 ",
        "+12 34567 ",
        "020 7946 095 ",
        "@a.",
        "tel 2025550 ",
        "１",
    ],
)
def test_a_long_text_costs_in_proportion(piece: str) -> None:
    """Doubling the text must not multiply the steps: quadratic work on 200,000 characters would not end within the run."""
    text = piece * (200_000 // len(piece))
    once = redact(text)
    assert len(once) <= len(text) + 10


def test_numbers_beyond_the_budget_are_hidden_rather_than_leaked() -> None:
    text = "tel 2025550143, " * 20_000 + "13800138000"
    clean = redact(text)
    assert "13800138000" not in clean
    assert "2025550143" not in clean


@pytest.mark.parametrize("mark", ["\u200e", "\u202c", "\u2066", "\ufe0f", "\u200b", "\u034f"])
def test_what_nobody_sees_hides_nothing(mark: str) -> None:
    assert redact(f"call {mark}138{mark}1234{mark}5678{mark}") == f"call {mark}[PHONE]{mark}"
    assert redact(f"john.doe{mark}@example.com is mine") == "[EMAIL] is mine"
    assert redact(f"card 4111{mark}1111{mark}1111{mark}1111") == "card [CARD]"
