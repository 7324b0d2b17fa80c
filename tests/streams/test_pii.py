"""What is found of the personal data in a corpus of labelled messages, and what is taken for personal data and is none."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import iban, luhn
from stdnum.cn import ric

from frontdesk.streams.redact import redact, spans
from frontdesk.streams.spans import KINDS
from tests.support import pii_corpus
from tests.support.pii_corpus import HALVES, LANGUAGES, Score

FORMS = ("PHONE", "EMAIL", "CARD", "ID", "IBAN", "PASSPORT", "PLATE", "ORDER")
"""kinds with a checksum or a format"""
WORDS = ("NAME", "ADDRESS")


@pytest.fixture(scope="module")
def messages() -> tuple[pii_corpus.Message, ...]:
    return pii_corpus.read()


@pytest.fixture(scope="module")
def score(messages: tuple[pii_corpus.Message, ...]) -> Score:
    return pii_corpus.measure(messages)


@pytest.mark.parametrize("half", HALVES)
@pytest.mark.parametrize("kind", FORMS)
def test_what_has_a_form_is_hidden_whole(score: Score, kind: str, half: str) -> None:
    assert score.recall(half=half, kind=kind) >= 0.98


@pytest.mark.parametrize("half", HALVES)
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", WORDS)
def test_names_and_addresses_are_hidden_whole(score: Score, kind: str, language: str, half: str) -> None:
    assert score.recall(half=half, kind=kind, language=language) >= 0.90


@pytest.mark.parametrize("half", HALVES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_little_else_is_hidden(score: Score, language: str, half: str) -> None:
    assert score.precision(half=half, language=language) >= 0.95


def test_the_corpus_is_what_it_says(messages: tuple[pii_corpus.Message, ...]) -> None:
    kinds = Counter((one.half, one.language, label.kind) for one in messages for label in one.labelled)
    assert kinds.total() >= 400
    assert (
        min(kinds[half, language, kind] for half in HALVES for language in LANGUAGES for kind in KINDS) >= 5
    )
    assert sum(not one.labelled for one in messages) >= 150
    assert len({one.text for one in messages}) == len(messages)
    valid = {
        "CARD": luhn.is_valid,
        "ID": lambda number: ric.calc_check_digit(number) == number[-1],
        "IBAN": lambda number: iban.is_valid(number, check_country=False),
    }
    for message in messages:
        for label in message.labelled:
            if check := valid.get(label.kind):
                number = message.text[label.start : label.end].replace(" ", "").replace("-", "")
                assert check(number), f"{label.kind} {number}"


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("你好，我叫张伟，电话１３８００１３８０００", "你好，我叫[NAME]，电话[PHONE]"),
        ("找一下刘女士，地址：杭州市西湖区文三路478号3幢502室，急", "找一下[NAME]女士，地址：[ADDRESS]，急"),
        ("車牌京A·12345", "車牌[PLATE]"),
        ("护照号E12345678，订单号：2024011512345678", "护照号[PASSPORT]，订单号：[ORDER]"),
        ("姓名：约翰·史密斯", "姓名：[NAME]"),
        ("my name is ann lee and i live at 12 oak street", "my name is [NAME] and i live at [ADDRESS]"),
        ("at 12 Hill Grove Road, Flat 3, Newcastle upon Tyne NE1 4ST now", "at [ADDRESS] now"),
        ("MR SMITH, 5 Elm Close, York YO1 8SL", "MR [NAME], [ADDRESS]"),
        ("Dear Mrs O'Neill-Brown, order #48291-AX", "Dear Mrs [NAME], order #[ORDER]"),
        ("passport no. X1234567, plate AB12 CDE", "passport no. [PASSPORT], plate [PLATE]"),
        ("my SSN is 123-45-6789", "my SSN is [ID]"),
        ("orders 88812345 and 88812346", "orders [ORDER] and [ORDER]"),
        ("order 88812345 and 88812346", "order [ORDER] and [ORDER]"),
        ("İ my name is Ann Lee", "İ my name is [NAME]"),
    ],
)  # fmt: skip
def test_examples(text: str, clean: str) -> None:
    assert redact(text) == clean


def test_what_stands_beside_a_hit_is_looked_at_again() -> None:
    assert redact("13800138000AT611904300234573201") == "[PHONE][IBAN]"


def test_the_rules_for_names_let_words_through_that_only_begin_like_names() -> None:
    for text in (
        "我是高级会员",
        "我是黄金会员",
        "找单号",
        "本人不在家",
        "this is urgent, please",
        "I am from Paris",
        "Mr. Coffee",
    ):
        assert spans(text) == (), text


_CORPUS = [one for one in pii_corpus.read() if one.half == "dev"]
_PIECES = sorted(
    {one.text[label.start : label.end] for one in _CORPUS for label in one.labelled}
    | {one.text[: label.start] for one in _CORPUS for label in one.labelled[:1]}
    | {one.text[label.end :] for one in _CORPUS for label in one.labelled[-1:]}
    | {f"[{kind}]" for kind in KINDS}
)
pieces = st.one_of(
    st.sampled_from(_PIECES),
    st.text("0123456789 -,.:#和号路A" + "a'’", max_size=6),
    st.text(max_size=3),
)
shuffled = st.lists(pieces, max_size=8).flatmap(
    lambda parts: st.sampled_from(["", " ", ", "]).map(lambda gap: gap.join(parts))
)


@given(shuffled, st.integers(0, 200), st.integers(0, 200))
def test_cues_and_data_in_any_order_are_redacted_without_error_and_stay_redacted(
    text: str, skip: int, drop: int
) -> None:
    text = text[skip % (len(text) + 1) :]
    text = text[: len(text) - drop % (len(text) + 1)] or text
    once = redact(text)
    assert redact(once) == once
    found = spans(text)
    assert all(0 <= span.start < span.end <= len(text) for span in found)
    assert all(one.end <= two.start for one, two in pairwise(found))


@pytest.mark.parametrize(
    "piece",
    [
        "我叫",
        "张先生",
        "姓名:",
        "张·",
        "路1号",
        "1栋1",
        "A座1203",
        "北京市",
        "京A12345",
        "订单号123456和",
        "邮编1",
        "护照号",
        "name ",
        "my name is ",
        "mr A",
        "Aa here ",
        "hi im aa ",
        "a'",
        "Aa-",
        "12 a b c ",
        "12 a' a' ",
        "12 Baker Street, Aa, Aa Aa, ",
        "12 Aa Street Bb Road ",
        "po box 1",
        "passport number ",
        "plate AB1 ",
        "order 1234567,",
        "SW1A 1AA ",
        "[ORDER] 1",
    ],
)  # fmt: skip
@pytest.mark.slow
def test_a_long_text_costs_in_proportion(piece: str) -> None:
    """Quadratic work on 200,000 characters would not end within the run."""
    text = piece * (200_000 // len(piece))
    once = redact(text)
    assert redact(once) == once


def test_the_page_shows_what_is_measured(score: Score) -> None:
    page = (Path(__file__).parents[2] / "docs" / "personal-data.md").read_text(encoding="utf-8")
    assert pii_corpus.table(score) in page, "python -m tests.support.pii_corpus prints the table"
