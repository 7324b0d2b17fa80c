"""The taxonomy: which intents, emotions, urgencies and languages there are, and what each intent means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from frontdesk.streams.yaml_fields import items, mapping, string, strings
from frontdesk.streams.yaml_source import Node, PolicyError, Problems, digest, read

__all__ = ["EMOTIONS", "URGENCIES", "URGENT", "Intent", "PolicyError", "Taxonomy", "load_taxonomy"]

EMOTIONS = ("satisfied", "neutral", "anxious", "dissatisfied", "angry")
"""What `cues` can say; a taxonomy must offer all of them and may offer more."""
URGENCIES = ("low", "normal", "high", "critical")
"""As above, in ascending order."""
URGENT = ("high", "critical")
"""those that are worth what others have to wait for or do without"""

_KEYS = ("version", "fallback_intent", "languages", "emotions", "urgencies", "intents")
_INTENT_KEYS = ("id", "name", "description", "examples")


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """What a customer may want."""

    id: str
    name: Mapping[str, str]
    """by language tag"""
    description: Mapping[str, str]
    """by language tag"""
    examples: tuple[str, ...]
    """short utterances of customers, in any language"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taxonomy:
    """All labels a message may carry."""

    intents: tuple[Intent, ...]
    emotions: tuple[str, ...]
    urgencies: tuple[str, ...]
    languages: tuple[str, ...]
    fallback_intent: str
    """takes what no other intent fits"""
    hash: str
    """of the content, whatever its layout and comments: 16 hex digits"""

    def intent_ids(self) -> tuple[str, ...]:
        """The intents' ids, in the order of the file."""
        return tuple(intent.id for intent in self.intents)

    def values(self) -> dict[str, tuple[str, ...]]:
        """What each label may be, by its name."""
        return {
            "intent": self.intent_ids(),
            "emotion": self.emotions,
            "urgency": self.urgencies,
            "language": self.languages,
        }


def load_taxonomy(text: str, source: str) -> Taxonomy:
    """Read a taxonomy.

    Raises:
        PolicyError: with every problem of the file.
    """
    root, problems = read(text, source)
    fields = mapping(root, "the taxonomy", _KEYS, problems, required=("intents",))
    emotions = strings(fields.get("emotions"), "emotions", problems) or EMOTIONS
    urgencies = strings(fields.get("urgencies"), "urgencies", problems) or URGENCIES
    languages = strings(fields.get("languages"), "languages", problems) or ("zh", "en")
    for name, given, needed in (("emotions", emotions, EMOTIONS), ("urgencies", urgencies, URGENCIES)):
        missing = [word for word in needed if word not in given]
        if missing:
            problems.add(
                fields[name], f"{name} lack {', '.join(missing)}", "add them: the local labels use them"
            )
    intents = _intents(fields.get("intents"), problems)
    ids = [intent.id for intent in intents]
    fallback = string(fields.get("fallback_intent"), "fallback_intent", problems) or "other"
    if fallback not in ids:
        at = fields.get("fallback_intent", root)
        problems.add(
            at, f"fallback intent {fallback!r} is not among the intents", "add an intent with this id"
        )
    problems.raise_if_any()
    return Taxonomy(
        intents=intents,
        emotions=emotions,
        urgencies=urgencies,
        languages=languages,
        fallback_intent=fallback,
        hash=digest(root.plain()),
    )


def _intents(node: Node | None, problems: Problems) -> tuple[Intent, ...]:
    out: list[Intent] = []
    for item in items(node, "intents", problems):
        fields = mapping(item, "an intent", _INTENT_KEYS, problems, required=("id", "name", "description"))
        intent = Intent(
            id=string(fields.get("id"), "id", problems) or "",
            name=_by_language(fields.get("name"), "name", problems),
            description=_by_language(fields.get("description"), "description", problems),
            examples=strings(fields.get("examples"), "examples", problems),
        )
        if intent.id and intent.id in {other.id for other in out}:
            problems.add(fields["id"], f"intent {intent.id!r} is given twice", "rename or remove one of them")
        out.append(intent)
    return tuple(out)


def _by_language(node: Node | None, what: str, problems: Problems) -> dict[str, str]:
    if node is None:
        return {}
    if not isinstance(node.value, Mapping):
        problems.add(node, f"{what} is not given by language", f"write {what}: {{en: ..., zh: ...}}")
        return {}
    return {tag: string(item, what, problems) or "" for tag, item in node.value.items()}
