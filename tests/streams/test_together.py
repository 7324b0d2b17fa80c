"""What two words say together, and when they do not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.streams.cues import cues
from frontdesk.streams.together import PAIRS, PARTS, UNLESS, together


@pytest.mark.parametrize(
    ("flag", "text"),
    [
        ("safety", "The battery of the drill has puffed up"),
        ("safety", "steam came out of the lid and now my wrist is one big blister"),
        ("safety", "our toddler got hold of the pen cap and swallowed it"),
        ("safety", "加湿器的插头附近发黑"),
        ("safety", "开盖的时候，胳膊上起了一片水泡"),
        ("safety", "全家喝完都在拉肚子"),
        ("safety", "快递员在楼道里动手了，骑手推我"),
        ("leave", "My whole team is moving to a different provider"),
        ("leave", "所有的会员统统停掉"),
        ("legal", "I am uploading the whole chat, let us see what they say on TikTok"),
    ],
)
def test_a_pair_says_what_its_words_do_not(flag: str, text: str) -> None:
    assert getattr(cues(text), flag), cues(text)


@pytest.mark.parametrize(
    "text",
    [
        "The battery is fine. The pillow is puffed up",  # two sentences
        "the battery is not swollen",
        "电池没鼓起来",
        "Does your insurance pay if it happens that a charger starts smoking",
        "家财险管不管插座发黑",
        "this one switched from another provider, welcome it",
        "the battery lasts for a very long time and it also came with a nice free cushion for the sofa, all puffed up",  # too far apart
        "my son fell asleep on it at once",
        "smoke",
        "battery battery battery",
    ],
)
def test_a_pair_that_is_none(text: str) -> None:
    seen = cues(text)
    assert [seen.safety, seen.leave, seen.legal] == [False] * 3, seen


@pytest.mark.parametrize(
    "text",
    ["I could sue you for these waffles 😂", "再好吃下去我要告你们了哈哈", "haha see you in court then"],
)
def test_who_laughs_threatens_nobody(text: str) -> None:
    assert not cues(text).legal


@pytest.mark.parametrize(
    "text",
    [
        "haha. terrible service, see you in court",  # laughing is not enough
        "气死我了，哈哈，我要告你们",
        "see you in court then",
    ],
)
def test_who_laughs_bitterly_does(text: str) -> None:
    assert cues(text).legal


def test_danger_is_no_joke() -> None:
    assert cues("haha the charger caught fire").safety
    assert not cues("haha I nearly fainted when I saw the price").safety


def test_pairs_are_made_of_parts() -> None:
    assert {part for _, *both in PAIRS for part in both} | {*UNLESS.values(), "nothing"} == {*PARTS}


@given(
    st.lists(
        st.sampled_from(["battery", "swollen", "my", "hand", ".", "if", "the", "not", "电", "池", "鼓", "起"])
    )
)
def test_any_words_can_be_read(words: list[str]) -> None:
    assert {flag for flag, _ in together(words)} <= {"safety", "leave", "legal", "asked"}
