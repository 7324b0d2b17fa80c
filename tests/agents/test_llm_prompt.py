"""The prompt: the taxonomy as instructions, customers' words as data."""

from __future__ import annotations

import json
import re
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from frontdesk.agents.llm.prompt import MAX_MESSAGE, MAX_TURN, MAX_TURNS, LabelPrompt
from frontdesk.agents.llm.tokens import estimate
from frontdesk.schemas.state import Turn
from frontdesk.schemas.types import Millis
from tests.support.asks import TAXONOMY, ask

PROMPT = LabelPrompt(TAXONOMY)
ANY_TEXT = st.text(alphabet=st.characters(codec=None), max_size=300)


def _data(user: str) -> dict[str, object]:
    found = re.fullmatch(r"<customer_data>\n(.*)\n</customer_data>", user, re.DOTALL)
    assert found is not None
    parsed = json.loads(found.group(1))
    assert isinstance(parsed, dict)
    return parsed


def test_the_system_prompt_holds_every_label_and_no_open_place() -> None:
    for intent in TAXONOMY.intents:
        assert f"`{intent.id}`" in PROMPT.system
        assert intent.description["en"] in PROMPT.system
    for value in (*TAXONOMY.emotions, *TAXONOMY.urgencies, *TAXONOMY.languages):
        assert value in PROMPT.system
    assert "{{" not in PROMPT.system


def test_the_version_names_template_and_taxonomy() -> None:
    assert re.fullmatch(r"[0-9a-f]{12}", PROMPT.version)
    assert LabelPrompt(TAXONOMY).version == PROMPT.version
    assert LabelPrompt(TAXONOMY, "Label this: {{intents}}").version != PROMPT.version
    assert LabelPrompt(replace(TAXONOMY, hash="another")).version != PROMPT.version


@given(ANY_TEXT, ANY_TEXT)
def test_no_text_gets_out_of_its_place(message: str, before: str) -> None:
    turn = Turn(role="customer", text=before, at=Millis(0))
    user = PROMPT.user(ask(message, turns=(turn,)))
    user.encode("utf-8")
    assert user.count("<") == user.count(">") == 2
    data = _data(user)
    assert set(data) == {"conversation", "locale", "message"}
    assert data["message"] == message.encode("utf-8", "replace").decode()
    assert data["conversation"] == [
        {"role": "customer", "text": before.encode("utf-8", "replace").decode()},
    ]


def test_the_newest_turns_are_kept_and_everything_is_bounded() -> None:
    turns = tuple(Turn(role="customer", text=f"{n} " + "x" * 10_000, at=Millis(n)) for n in range(50))
    data = _data(PROMPT.user(ask("y" * 1_000_000, turns=turns)))
    conversation = data["conversation"]
    assert isinstance(conversation, list)
    kept = [int(turn["text"].split()[0]) for turn in conversation]
    assert kept == list(range(50 - len(kept), 50))
    assert 1 < len(kept) <= MAX_TURNS
    assert all(len(turn["text"]) <= MAX_TURN + 3 for turn in conversation)
    assert len(str(data["message"])) <= MAX_MESSAGE + 3


def _turns(*texts: str) -> tuple[Turn, ...]:
    return tuple(Turn(role="customer", text=text, at=Millis(n)) for n, text in enumerate(texts))


def _context(tokens: int, *texts: str) -> list[str]:
    data = _data(LabelPrompt(TAXONOMY, context_tokens=tokens).user(ask(turns=_turns(*texts))))
    return [turn["text"] for turn in data["conversation"]]


def test_whole_turns_are_left_out_oldest_first() -> None:
    texts = ["快" * 88, "一" * 38, "b" * 80]  # 100, 50 and 32 tokens with what stands around them
    assert _context(182, *texts) == texts
    assert _context(181, *texts) == texts[1:]
    assert _context(82, *texts) == texts[1:]
    assert _context(81, *texts) == texts[2:]
    assert _context(0, *texts) == []


def test_an_older_turn_that_would_fit_does_not_jump_over_one_that_does_not() -> None:
    assert _context(60, "short", "快" * 200, "newest") == ["newest"]


def test_only_the_newest_turn_is_cut_to_fit() -> None:
    [kept] = _context(40, "before", "first " + "快" * 400 + " last")
    assert kept.startswith("first ")
    assert kept.endswith(" last")
    assert 20 < estimate(kept) <= 28


@given(st.lists(ANY_TEXT, max_size=12), st.integers(0, 400))
def test_the_context_keeps_to_its_tokens(texts: list[str], tokens: int) -> None:
    kept = _context(tokens, *texts)
    assert sum(12 + estimate(text) for text in kept) <= tokens
    clean = [text.encode("utf-8", "replace").decode() for text in texts]
    assert not kept[1:] or clean[-len(kept) + 1 :] == kept[1:]


def test_a_long_message_keeps_its_beginning_and_its_end() -> None:
    message = str(_data(PROMPT.user(ask("first " + "z" * 9_000 + " last")))["message"])
    assert message.startswith("first ")
    assert message.endswith(" last")
