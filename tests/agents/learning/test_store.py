"""The store: whatever a crash interrupts, each row is there once; erased customers are gone, and stay away."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import cycle
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from frontdesk.agents.errors import StartupError
from frontdesk.agents.learning import store, tables
from frontdesk.agents.learning.examples import Example, hashed, read_examples, write_examples
from frontdesk.agents.learning.rows import Erased, Labelled
from frontdesk.agents.learning.snapshot import snapshot
from frontdesk.agents.learning.store import Store, open_store, parts, rows
from frontdesk.schemas.topics import CUSTOMER_PROFILES, ROUTING_LABELS
from tests.support.full_disk import full_disk
from tests.support.learning import row


class Crash(Exception):
    """The process ends here."""


def offsets(folder: Path) -> list[int]:
    return [one.offset for one in rows(folder, Labelled)]


def take(to: Store, numbers: range, partition: int = 0) -> None:
    to.add(ROUTING_LABELS, partition, [row(number) for number in numbers], numbers.stop)


def erase(to: Store, number: int, offset: int) -> None:
    gone = Erased(offset=offset, customer=hashed("default", f"customer-{number}"))
    to.add(CUSTOMER_PROFILES, 0, [gone], offset + 1)


@contextmanager
def crashing(after: int) -> Iterator[None]:
    """Of the files that are to be replaced, the last ones are not."""
    left = after
    real = tables.replacing

    @contextmanager
    def replacing(path: Path) -> Iterator[Path]:
        nonlocal left
        if left == 0:
            raise Crash
        left -= 1
        with real(path) as partial:
            yield partial

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store, "PART_ROWS", 10)
        patch.setattr(tables, "replacing", replacing)
        patch.setattr("os.fsync", lambda file: None)  # the machine does not crash
        yield


@given(
    erasures=st.lists(st.integers(0, 44), max_size=4),
    crashes=st.lists(st.integers(0, 9), max_size=5),
    steps=st.lists(st.integers(1, 15), min_size=1, max_size=5),
)
@settings(max_examples=20, phases=[Phase.explicit, Phase.reuse, Phase.generate])
def test_whatever_crashes_each_row_is_there_once(
    erasures: list[int], crashes: list[int], steps: list[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder, total = tmp_path_factory.mktemp("store"), 45
    for after in (*crashes, -1):
        with suppress(Crash), crashing(after), open_store(folder) as to:
            for step in cycle(steps):
                at, told = to.position(ROUTING_LABELS, 0) or 0, to.position(CUSTOMER_PROFILES, 0) or 0
                if at < total:
                    take(to, range(at, min(total, at + step)))
                if told < len(erasures):
                    erase(to, erasures[told], told)
                if at == total and told == len(erasures):
                    break
                to.flush()
    assert offsets(folder) == [number for number in range(total) if number not in erasures]


def test_a_file_is_added_to_until_it_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "PART_ROWS", 10)
    for start in range(0, 30, 4):
        with open_store(tmp_path) as to:
            take(to, range(start, min(30, start + 4)))
    firsts = [one.first for one in parts(tmp_path)]
    assert len(firsts) == 3
    assert firsts[0] == 0
    assert offsets(tmp_path) == list(range(30))


def test_two_processes_never_write_to_one_folder(tmp_path: Path) -> None:
    with (
        open_store(tmp_path),
        pytest.raises(StartupError, match="another frontdesk learn collect"),
        open_store(tmp_path),
    ):
        pass


def test_positions_that_are_gone_or_broken_are_no_reason_to_begin_anew(tmp_path: Path) -> None:
    with open_store(tmp_path) as to:
        take(to, range(5))
    positions = tmp_path / "collected" / "positions.json"
    text = positions.read_text(encoding="utf-8")
    for broken in ("[", '{"routing.labels": 3}', None):
        positions.unlink()
        if broken is not None:
            positions.write_text(broken, encoding="utf-8")
        with pytest.raises(StartupError, match=r"positions\.json: "), open_store(tmp_path):
            pass
    positions.write_text(text, encoding="utf-8")
    with open_store(tmp_path) as to:
        assert to.position(ROUTING_LABELS, 0) == 5
    assert json.loads(text) == {"routing.labels": {"0": 5}}


def test_the_erased_are_gone_from_files_and_versions_and_stay_away(tmp_path: Path) -> None:
    with open_store(tmp_path) as to:
        take(to, range(5))
    for name, number in (("with", 2), ("without", 3)):
        one = Example(
            decision_id="d",
            message_id="m",
            customer=hashed("default", f"customer-{number}"),
            text="t",
            intent="other",
        )
        write_examples(tmp_path / "versions" / name / "examples.parquet", [one])
    with open_store(tmp_path) as to:
        erase(to, 2, 7)
        to.flush()
        assert (to.removed, to.withdrawn) == (1, ["with"])
        to.add(ROUTING_LABELS, 0, [row(2, message_id="later"), row(9)], 10)
    assert offsets(tmp_path) == [0, 1, 3, 4, 9]
    assert len(read_examples(tmp_path / "versions" / "without" / "examples.parquet")) == 1
    assert not (tmp_path / "versions" / "with" / "examples.parquet").exists()
    for file in (tmp_path / "collected").iterdir():
        assert b"customer-2" not in file.read_bytes()


def test_what_a_killed_maker_has_left_behind_does_not_keep_the_erased(tmp_path: Path) -> None:
    with open_store(tmp_path) as to:
        take(to, range(5))
    with suppress(Crash), snapshot(tmp_path, [part.path for part in parts(tmp_path)]) as living:
        killed = tmp_path / ".snapshot-killed"
        shutil.copytree(living, killed, copy_function=lambda one, other: Path(other).hardlink_to(one))
        (killed / ".lock").unlink()
        (killed / ".lock").touch()
        partial = tmp_path / "versions" / "v" / ".examples.parquet.partial"
        partial.parent.mkdir(parents=True)
        partial.write_text("what customer-2 wrote")
        with open_store(tmp_path) as to:
            erase(to, 2, 7)
            to.flush()
            assert not killed.exists()
            assert not partial.exists()
            assert [*(living / "collected").glob("*.parquet")], "its maker looks for the erased itself"
    assert not [*tmp_path.glob(".snapshot-*")]


def test_a_disk_that_is_full_loses_and_doubles_no_row(tmp_path: Path) -> None:
    with open_store(tmp_path) as to:
        take(to, range(5))
    with (
        full_disk(2_000),
        pytest.raises(StartupError, match=r"File too large|No space"),
        open_store(tmp_path) as to,
    ):
        take(to, range(5, 4_000))
    assert offsets(tmp_path) == list(range(5)), "what was there is there"
    assert [path.name for path in tmp_path.rglob("*.partial")] == []
    with open_store(tmp_path) as to:
        begun = to.position(ROUTING_LABELS, 0)
        assert begun == 5
        take(to, range(begun, 40))
    assert offsets(tmp_path) == list(range(40))
