"""The bench of escalation counts right."""

from __future__ import annotations

from bench.escalation import Played, shown, table


def played(name: str, half: str, *, at: int | None, raised: int | None) -> Played:
    return Played(
        id=name,
        half=half,
        language="en",
        wanted=at is not None,
        causes=() if at is None else ("leave",),
        at=at,
        raised=() if raised is None else ((raised, "retention"),),
        customer_turns=(0, 2, 4, 6),
    )


SOME = [
    played("right", "tune", at=2, raised=2),
    played("late", "tune", at=2, raised=6),
    played("missed", "tune", at=4, raised=None),
    played("false", "tune", at=None, raised=0),
    played("quiet", "tune", at=None, raised=None),
    played("secret", "unseen", at=6, raised=4),
    played("secret-2", "unseen", at=4, raised=None),
]


def test_what_is_counted() -> None:
    rows = {line.split("|")[1].strip(): line.split("|")[2:-1] for line in table(SOME).splitlines()}
    assert [cell.strip() for cell in rows["recall"]] == ["0.667 (2 of 3)", "0.500 (1 of 2)"]
    assert [cell.strip() for cell in rows["false positives"]] == ["0.500 (1 of 2)", "none"]
    assert [cell.strip() for cell in rows["turns late (mean of those escalated)"]] == ["+1.00", "-1.00"]


def test_the_unseen_half_is_not_shown() -> None:
    told = "\n".join(shown(SOME))
    assert "missed missed" in told
    assert "false  false" in told
    assert "+2 turns late" in told
    assert "secret" not in told
