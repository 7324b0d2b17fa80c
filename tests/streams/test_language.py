"""Language by script, by statistics, by locale."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.streams.language import detect

ALL = ("zh", "en", "ja", "ko", "de", "fr", "es")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("我的快递三天没到", "zh"),
        ("请问 iPhone 15 Pro Max 有货吗", "zh"),
        ("Switch OLED 保修多久", "zh"),
        ("人均消费100元以上5分", "zh"),
        ("请发到foo@bar.com谢谢", "zh"),
        ("こんにちは、注文が届きません", "ja"),
        ("注文番号を教えて", "ja"),
        ("주문한 상품이 아직 안 왔어요", "ko"),
        ("สวัสดีครับ", "th"),
    ],
)
def test_the_script_decides(text: str, value: str) -> None:
    found = detect(text, "en-US", ALL)
    assert (found.value, found.source) == (value, "rule")
    assert found.confidence >= 0.6


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("I am still waiting for my refund, please help", "en"),
        ("I ordered the 小米 phone and it is already broken", "en"),
        ("Wo ist meine Bestellung geblieben?", "de"),
        ("Où est ma commande, je ne l'ai toujours pas reçue", "fr"),
        ("¿Dónde está mi pedido? No ha llegado todavía", "es"),
    ],
)
def test_statistics_choose_among_the_configured_languages(text: str, value: str) -> None:
    found = detect(text, None, ALL)
    assert (found.value, found.source) == (value, "local")


def test_languages_that_are_not_configured_are_not_chosen() -> None:
    assert detect("Wo ist meine Bestellung geblieben?", None, ("zh", "en", "fr")).value in ("en", "fr")


@pytest.mark.parametrize(
    ("text", "locale", "value"),
    [
        ("ok", "de-DE", "de"),
        ("ok", None, "en"),
        ("hi there", "zh-CN", "en"),
        ("😀", None, "und"),
        ("😀", "zh_CN", "zh"),
        ("12345", "fr-FR", "fr"),
        ("", None, "und"),
        ("", "not a locale!", "und"),
    ],
)
def test_little_text_falls_back_to_the_locale(text: str, locale: str | None, value: str) -> None:
    found = detect(text, locale, ALL)
    assert (found.value, found.source) == (value, "fallback")
    assert found.confidence <= 0.5


@given(
    st.text(),
    st.none() | st.text(max_size=8),
    st.lists(st.text(min_size=1, max_size=3), max_size=3).map(tuple),
)
def test_never_raises(text: str, locale: str | None, allowed: tuple[str, ...]) -> None:
    found = detect(text, locale, allowed)
    assert 0 <= found.confidence <= 1
    assert found.value


def test_threads_agree() -> None:
    texts = ["I am still waiting for my refund", "Wo ist meine Bestellung geblieben?"] * 20
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda text: detect(text, None, ALL), texts)) == [
            detect(text, None, ALL) for text in texts
        ]
