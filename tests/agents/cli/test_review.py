"""`frontdesk review`: one key an answer, spreadsheets that are safe to open, and answers that are checked."""

from __future__ import annotations

import asyncio
import csv
import os
import termios
from pathlib import Path
from typing import Any

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.agents.bootstrap import read_policy
from frontdesk.agents.cli.review_screen import NAMES, keys, review
from frontdesk.agents.errors import StartupError
from frontdesk.agents.learning.answers import Notes, Publishing
from frontdesk.agents.learning.joining import join
from frontdesk.agents.learning.rows import Erased, Labelled
from frontdesk.agents.learning.sheets import COLUMNS, guarded, unguarded
from frontdesk.agents.learning.store import open_store, rows
from frontdesk.agents.learning.worth import worth
from frontdesk.agents.settings import BUNDLED_POLICY
from frontdesk.schemas.inputs import Feedback
from frontdesk.schemas.topics import CUSTOMER_PROFILES, ROUTING_LABELS
from frontdesk.streams.taxonomy import Taxonomy, load_taxonomy
from tests.support.cli import frontdesk
from tests.support.embedded import free_port
from tests.support.full_disk import full_disk
from tests.support.learning import record, row

TAXONOMY, _ = read_policy(BUNDLED_POLICY)
INTENTS = TAXONOMY.intent_ids()


class Sent:
    """Takes what is sent, in the place of a broker."""

    def __init__(self) -> None:
        self.records: list[Feedback] = []

    async def send(self, topic: str, record: Any, *, now: int) -> None:
        assert topic == "routing.feedback"
        self.records.append(record)

    async def flush(self) -> None:
        return


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    texts = [
        "=1+1 is what my bill says",
        "ring 13912345678",
        "+ and - are swapped",
        'plain, with "quotes"\nand lines',
    ]
    with open_store(tmp_path) as to:
        rows = [row(number, confidence=0.1 * number, text=text) for number, text in enumerate(texts)]
        to.add(ROUTING_LABELS, 0, rows, len(rows))
    return tmp_path


async def answers(
    folder: Path, pressed: str, taxonomy: Taxonomy = TAXONOMY, by: str = "ann"
) -> list[Feedback]:
    sent, notes, keys = Sent(), Notes.of(folder), iter(pressed)
    items = worth(join(folder), by=by, answered=notes.people, fallback_intent="other")
    to = Publishing(sender=sent, notes=notes, by=by)  # type: ignore[arg-type]  # as much of a sender as is used
    await review(items, taxonomy, to, lambda: next(keys, ""))
    return sent.records


def of(found: list[Feedback]) -> list[tuple[str, str | None]]:
    names = {record(number).decision_id: f"m{number}" for number in range(4)}
    return [(names[one.decision_id], one.intent) for one in found]


async def test_enter_is_right_and_keys_choose(folder: Path) -> None:
    found = await answers(folder, "\n3s1")
    assert of(found) == [("m0", "billing"), ("m1", INTENTS[2]), ("m3", INTENTS[0])]
    assert {(one.by, one.customer_id[:9]) for one in found} == {("ann", "customer-")}
    assert all(one.at > 0 for one in found)


async def test_the_last_answer_may_be_taken_back_and_no_other(folder: Path) -> None:
    assert of(await answers(folder, "u1u2uu3q")) == [("m0", INTENTS[2])]


@pytest.mark.parametrize("end", ["q", "", "\x03", "\x04"])
async def test_at_any_end_what_was_answered_is_published(folder: Path, end: str) -> None:
    assert of(await answers(folder, f"1{end}2" if end else "1")) == [("m0", INTENTS[0])]


async def test_other_keys_do_nothing(folder: Path) -> None:
    assert of(await answers(folder, "9Z?\x1b[A 1q")) == [("m0", INTENTS[0])]


async def test_what_was_answered_is_not_shown_again_before_it_is_collected(folder: Path) -> None:
    await answers(folder, "11q")
    with (folder / "reviewed.jsonl").open("a", encoding="utf-8") as notes:
        notes.write('\n{"broken')
    assert of(await answers(folder, "2222")) == [("m2", INTENTS[1]), ("m3", INTENTS[1])]
    assert await answers(folder, "2222") == []


async def test_an_answer_that_a_full_disk_does_not_note_is_asked_for_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await answers(folder, "1q")
    monkeypatch.setattr(typer, "echo", lambda *_, **__: None)  # stdout is a file here, which grows as well
    notes = folder / "reviewed.jsonl"
    with (
        full_disk(notes.stat().st_size + 20),
        pytest.raises(StartupError, match=r"reviewed\.jsonl: File too large; the answer is published"),
    ):
        await answers(folder, "11q")
    assert of(await answers(folder, "2q")) == [("m1", INTENTS[1])], "and the half line harms nothing"
    assert len(Notes.of(folder).people) == 2


async def test_more_intents_than_keys_are_on_pages(folder: Path) -> None:
    many = "intents:\n" + "".join(
        f"  - {{id: i{number}, name: {{en: x}}, description: {{en: x}}}}\n"
        for number in range(len(NAMES) + 3)
    )
    taxonomy = load_taxonomy(many + "fallback_intent: i0\n", "t.yaml")
    found = await answers(folder, f"{NAMES[-1]} 2  2", taxonomy)
    assert [one.intent for one in found] == [f"i{len(NAMES) - 1}", f"i{len(NAMES) + 1}", "i1"]


def test_the_screen_shows_redacted_words_and_who_says_what(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asyncio.run(answers(folder, "ssq"))
    shown = capsys.readouterr().out
    assert "ring [PHONE]" in shown
    assert "13912345678" not in shown
    assert "[1 of 4] nobody is sure (0.00)" in shown
    assert "\x1b" not in shown


def test_keys_of_a_terminal_come_one_by_one_and_it_is_left_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = os.openpty()
    with os.fdopen(theirs, encoding="utf-8") as terminal, os.fdopen(ours, "wb", buffering=0) as person:
        monkeypatch.setattr("sys.stdin", terminal)
        before = termios.tcgetattr(terminal)
        with keys() as key:
            person.write(b"1u\x1b[A2\x03\r")
            assert [key() for _ in range(6)] == ["1", "u", "\x1b[A", "2", "\x03", "\n"]
        assert termios.tcgetattr(terminal) == before


@pytest.mark.slow
def test_it_says_what_is_missing(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    empty = tmp_path_factory.mktemp("empty")
    assert "frontdesk learn collect" in frontdesk("review", str(empty), "--by", "ann", code=2).stderr
    address = f"127.0.0.1:{free_port()}"
    assert "no Kafka answers" in frontdesk("review", str(folder), "--broker", address, code=2).stderr
    assert "--by NAME" in frontdesk("review", str(folder), "--by", "a\nb", code=2).stderr


@given(st.text(max_size=30) | st.text("=+-@'\t＝ a1", max_size=8))
def test_no_cell_is_a_formula_and_each_is_read_back_the_same(text: str) -> None:
    cell = guarded(text)
    assert cell[:1] not in tuple("=+-@\t\r\n＝＋－＠")
    assert unguarded(cell) == text


def exported(folder: Path, by: str = "ann") -> list[dict[str, str]]:
    path = folder / "sheet.csv"
    frontdesk("review", "export", str(path), str(folder), "--by", by)
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def filled(path: Path, rows: list[dict[str, str]], delimiter: str = ",") -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.DictWriter(file, COLUMNS, delimiter=delimiter)
        out.writeheader()
        out.writerows(rows)
    return path


def test_a_sheet_holds_what_is_worth_a_look_and_no_formula(folder: Path) -> None:
    sheet = exported(folder)
    assert [one["text"] for one in sheet] == [
        "'=1+1 is what my bill says", "ring [PHONE]", "'+ and - are swapped", 'plain, with "quotes" and lines'
    ]  # fmt: skip
    assert all(one["answer_intent"] == "" and one["decision_id"] for one in sheet)


@pytest.mark.parametrize("delimiter", [",", ";"])
@pytest.mark.slow
def test_each_wrong_line_is_named_with_its_fix_and_nothing_is_published(folder: Path, delimiter: str) -> None:
    sheet = exported(folder)
    sheet[0] |= {"answer_intent": "biling"}
    sheet[1] |= {"answer_emotion": "glad"}
    sheet[2] |= {"answer_intent": "other", "decision_id": "f" * 32}
    sheet[3] |= {"answer_intent": "other"}
    path = filled(folder / "back.csv", [*sheet, sheet[3]], delimiter)
    with path.open("a", encoding="utf-8") as file:
        file.write("only one cell\n")
    done = frontdesk("review", "import", str(path), str(folder), "--by", "ann", code=1)
    assert "back.csv:2: intent 'biling' is not in the taxonomy; did you mean 'billing'?" in done.stderr
    assert "back.csv:3: emotion 'glad' is not in the taxonomy; write one of satisfied" in done.stderr
    assert "back.csv:4: no decision 'ffff" in done.stderr
    assert "back.csv:6: the decision of line 5 once more" in done.stderr
    assert "back.csv:7: 1 cells under 13 headings" in done.stderr
    assert "5 wrong lines; nothing was published" in done.stderr


def test_lines_about_erased_customers_do_not_stand_in_the_way_of_others(folder: Path) -> None:
    sheet = exported(folder)
    for one in sheet:
        one["answer_intent"] = "biling" if one is sheet[3] else "other"
    path = filled(folder / "back.csv", sheet)
    gone = row(0, text="=1+1 is what my bill says").customer
    with open_store(folder) as to:
        to.add(CUSTOMER_PROFILES, 0, [Erased(offset=0, customer=gone)], 1)
    done = frontdesk("review", "import", str(path), str(folder), "--by", "ann", code=1)
    assert "its customer may have been erased" in done.stderr
    assert "1 wrong line; nothing was published" in done.stderr


def test_a_sheet_of_erased_customers_alone_is_not_taken_for_one_of_another_folder(folder: Path) -> None:
    sheet = exported(folder)
    for one in sheet:
        one["answer_intent"] = "other"
    with open_store(folder) as to:
        gone = [Erased(offset=at, customer=one.customer) for at, one in enumerate(rows(folder, Labelled))]
        to.add(CUSTOMER_PROFILES, 0, gone, len(gone))
    done = frontdesk(
        "review", "import", str(filled(folder / "back.csv", sheet)), str(folder), "--by", "ann", code=1
    )
    assert "where all its customers were erased there is nothing to import" in done.stderr


def test_a_sheet_without_its_header_is_refused(folder: Path) -> None:
    path = folder / "none.csv"
    path.write_text("text,label\nhi,other\n", encoding="utf-8")
    assert (
        "none.csv:1: the header row lacks"
        in frontdesk("review", "import", str(path), str(folder), code=2).stderr
    )
    assert "No such file" in frontdesk("review", "import", str(folder / "no"), str(folder), code=2).stderr


def test_empty_answers_are_passed_over(folder: Path) -> None:
    exported(folder)
    done = frontdesk("review", "import", str(folder / "sheet.csv"), str(folder), "--by", "ann")
    assert "0 answers published, 0 given before" in done.stderr
