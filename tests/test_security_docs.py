"""docs/security.md says what is: its table of rights is that of schemas/access.py, its settings and tests exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from frontdesk.agents.learning import outcome_sources
from frontdesk.agents.settings import Settings
from frontdesk.agents.settings_sources import secret_fields
from frontdesk.schemas.access import LEARNER, PRINCIPALS, Grant, grants
from frontdesk.schemas.topics import TOPICS

ROOT = Path(__file__).parents[1]
DOCUMENT = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")


def rows(principal: str) -> list[str]:
    """The principal's rows of the table: what has the same operations stands together."""
    together: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for grant in grants(principal):
        together.setdefault((grant.resource, grant.operations), []).append(_name(grant))
    return [
        f"| `{principal}` | {resource} | {', '.join(names)} | {', '.join(operations)} |"
        for (resource, operations), names in together.items()
    ]


def _name(grant: Grant) -> str:
    return f"`{grant.name}*`" if grant.prefixed else f"`{grant.name}`"


def test_the_table_of_rights_is_that_of_the_code() -> None:
    expected = [row for principal in PRINCIPALS for row in rows(principal)]
    lines = [
        line for line in DOCUMENT.splitlines() if re.match(r"\| `[a-z-]+` \| (topic|group|transact)", line)
    ]
    assert lines == expected, "write into docs/security.md:\n" + "\n".join(expected)


@pytest.mark.parametrize("principal", PRINCIPALS)
def test_nobody_may_more_than_somebody_needs(principal: str) -> None:
    """Dead letters are read by two principals, written by one; state is the worker's; policies and models have one publisher each."""
    own = grants(principal)
    reads = {grant.name for grant in own if "Read" in grant.operations}
    writes = {grant.name for grant in own if "Write" in grant.operations}
    assert ("routing.dead-letters" in reads) == (principal in ("dead-letter-reader", "frontdesk-auditor"))
    assert ("routing.dead-letters" in writes) == (principal == "frontdesk-worker")
    assert ("routing.policies" in writes) == (principal == "frontdesk-publisher")
    assert ("routing.models" in writes) == (principal in ("frontdesk-publisher", "frontdesk-learner"))
    assert ("customer.messages" in writes) == (principal == "platform-producer")
    assert any(name.endswith("-changelog") for name in writes) == (principal == "frontdesk-worker")
    assert any(name.endswith("-changelog") for name in reads) == (
        principal in ("frontdesk-worker", "frontdesk-auditor")
    )
    assert principal != "frontdesk-auditor" or not writes
    assert not [grant for grant in own if grant.prefixed and grant.resource == "topic"]


def test_a_learner_may_look_at_what_became_of_decisions() -> None:
    """A look that is refused is a warning in its log, and metrics that are never there."""
    reads = {grant.name for grant in grants(LEARNER) if "Read" in grant.operations}
    assert set(outcome_sources.TOPICS) <= reads


def test_every_topic_has_a_reader_and_a_writer_or_is_for_people_to_look_at() -> None:
    every = [grant for principal in PRINCIPALS for grant in grants(principal)]
    read = {grant.name for grant in every if "Read" in grant.operations}
    written = {grant.name for grant in every if "Write" in grant.operations}
    names = {topic.name for topic in TOPICS}
    assert names - written == set()
    assert names - read == {"routing.differences"}


def test_settings_and_tests_that_it_names_exist() -> None:
    named = set(re.findall(r"FRONTDESK_([A-Z_]+[A-Z])\b", DOCUMENT))
    assert named <= {name.upper() for name in Settings.model_fields}
    assert {name.upper() for name in secret_fields(Settings)} <= named, "every secret is spoken of"
    proofs = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", DOCUMENT)
    assert len(proofs) > 15
    for path, function in proofs:
        text = (ROOT / path).read_text(encoding="utf-8")
        assert f"def {function}(" in text or not function, (path, function)
