"""Whether a file can be used to fine-tune a chat model on our labels: every line looked at, each fault named with its place."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from frontdesk.agents.llm.tokens import estimate
from frontdesk.agents.llm.verdict import FIELDS, Verdict
from frontdesk.agents.sources.entry import Fault
from frontdesk.streams.taxonomy import Taxonomy

LEAST_EXAMPLES = 10
"""that OpenAI's endpoint takes: https://platform.openai.com/docs/guides/supervised-fine-tuning"""
MOST_TOKENS = 65_536
"""of one example: the limit of gpt-4.1 and gpt-4o-mini; what is longer would be cut in silence"""
MOST_BYTES = 512 * 1024 * 1024
"""of one file"""
ROLES = ("system", "user", "assistant")


def faults_in(path: Path, taxonomy: Taxonomy, *, least: int = LEAST_EXAMPLES) -> Iterator[Fault]:
    """What is wrong with a file, in its order; nothing where it can be sent.

    Raises:
        OSError: the file cannot be read.
    """
    size = path.stat().st_size
    if size > MOST_BYTES:
        yield _fault(path, 1, f"{size:,} bytes, more than {MOST_BYTES:,}", "export fewer examples")
    verdict, good, number = Verdict(taxonomy), 0, 0
    with path.open("rb") as file:
        for number, raw in enumerate(file, start=1):  # the last number is where a short file ends
            found = _line(raw, taxonomy, verdict)
            if found is None:
                good += 1
            else:
                yield _fault(path, number, *found)
    if good < least:
        yield _fault(
            path, number + 1, f"{good} usable examples, fewer than {least}", "have people label more messages"
        )


def _line(raw: bytes, taxonomy: Taxonomy, verdict: Verdict) -> tuple[str, str] | None:
    """What is wrong with one line, and what would mend it."""
    again = "export the file anew"
    try:
        value = json.loads(raw.decode())
    except UnicodeDecodeError:
        return "not UTF-8", again
    except (ValueError, RecursionError):
        return "not JSON", again
    turns = value.get("messages") if isinstance(value, dict) else None
    if not isinstance(turns, list) or not turns:
        return "no list of messages", 'give {"messages": [...]}'
    wrong = _turns(turns)
    if wrong is not None:
        return wrong, "give system, user and assistant turns with text, the assistant's last"
    tokens = sum(estimate(turn["content"]) for turn in turns)
    if tokens > MOST_TOKENS:
        return f"about {tokens:,} tokens, more than {MOST_TOKENS:,}", "shorten the text or the taxonomy"
    wrong = _answer(turns[-1]["content"], taxonomy, verdict)
    return None if wrong is None else (wrong, "export again with the taxonomy that is in force")


def _turns(turns: list[Any]) -> str | None:
    for at, turn in enumerate(turns):
        if not isinstance(turn, dict) or turn.get("role") not in ROLES:
            return f"message {at + 1} has no role of {', '.join(ROLES)}"
        content = turn.get("content")
        if not isinstance(content, str) or not content.strip():
            return f"message {at + 1} ({turn['role']}) has no text"
        if turn["role"] == "system" and at:
            return f"message {at + 1} is a system turn after the first"
    if turns[-1]["role"] != "assistant":
        return f"the last message is of the {turns[-1]['role']}"
    if not any(turn["role"] == "user" for turn in turns):
        return "no message of the user"
    return None


def _answer(content: str, taxonomy: Taxonomy, verdict: Verdict) -> str | None:
    try:
        said = json.loads(content)
    except (ValueError, RecursionError):
        return "the answer is not JSON"
    if not isinstance(said, dict):
        return "the answer is no JSON object"
    values = taxonomy.values()
    for name in FIELDS:
        if said.get(name) not in values[name]:
            given = str(said.get(name))[:40]
            return f"the answer's {name} {given!r} is not in the taxonomy" if name in said else f"no {name}"
    # The pair of fields by which a label is read: anything odd that is left is about a confidence.
    return (
        None if verdict.read(content) is not None else "a confidence of the answer is missing or not 0 to 1"
    )


def _fault(path: Path, line: int, problem: str, fix: str) -> Fault:
    return Fault(path=path, line=line, problem=problem, fix=fix)
