"""What evaluation keeps of each text: codes and numbers in columns, some 150 bytes a text, never its words."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from frontdesk.agents.evaluation.documents import NOBODY
from frontdesk.agents.evaluation.labelling import Labelled
from frontdesk.agents.evaluation.metrics import Codes, Flags, Numbers
from frontdesk.agents.sources.entry import Fault
from frontdesk.agents.sources.texts import LABELS, Passed, Text
from frontdesk.streams.taxonomy import Taxonomy

OUT_OF_SCOPE = "out_of_scope"
"""an intent that people give to what the taxonomy does not speak of; any that it does not know counts as this"""
_UNKNOWN = -1


class Names:
    """Codes for names, in the order in which they were first met."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._codes: dict[str, int] = {}
        for name in names:
            self.code(name)

    def code(self, name: str) -> int:
        """The name's code."""
        return self._codes.setdefault(name, len(self._codes))

    def all(self) -> tuple[str, ...]:
        """All names, by code."""
        return tuple(self._codes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One kind of label, of every text."""

    names: tuple[str, ...]
    truth: Codes
    """-1 where people said nothing"""
    given: Codes
    """by all tiers together"""
    confidence: Numbers
    local: Codes
    """by the local tiers alone"""
    local_confidence: Numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """All texts, in order."""

    fields: dict[str, Field]
    languages: tuple[str, ...]
    language: Codes
    """as given, else as detected"""
    tiers: tuple[str, ...]
    tier: Codes
    """which settled the intent"""
    settled: Flags
    """by local tiers: they were sure of the intent"""
    saved: Flags
    """no LLM was needed, for any label that it is asked about"""
    strangeness: Numbers
    """the local tiers' score for out of scope"""


class Tally:
    """Takes texts one by one, and gives them as columns."""

    def __init__(self, taxonomy: Taxonomy) -> None:
        self._intents = frozenset(taxonomy.intent_ids())
        self._names = {name: Names() for name in LABELS}
        self._names["intent"] = Names((*taxonomy.intent_ids(), OUT_OF_SCOPE))
        self._names["emotion"] = Names(taxonomy.emotions)
        self._names["urgency"] = Names(taxonomy.urgencies)
        self._codes = {name: tuple(array("i") for _ in range(3)) for name in LABELS}
        self._confidences = {name: tuple(array("d") for _ in range(2)) for name in LABELS}
        self._languages, self._language = Names(), array("i")
        self._tiers, self._tier = Names(), array("i")
        self._settled, self._saved, self._strangeness = array("b"), array("b"), array("d")
        self.texts = 0
        self.outside: Counter[str] = Counter()
        """intents by people that the taxonomy does not know"""
        self.asked = 0
        self.errors: Counter[str] = Counter()
        self.tokens_in = 0
        self.tokens_out = 0
        self.cost_usd = 0.0

    def add(self, one: Labelled) -> None:
        """Take the next text."""
        self.texts += 1
        for name in LABELS:
            names = self._names[name]
            label, local = getattr(one.labels, name), getattr(one.local, name)
            codes = (self._truth(name, one.text), names.code(label.value), names.code(local.value))
            for column, code in zip(self._codes[name], codes, strict=True):
                column.append(code)
            for values, number in zip(
                self._confidences[name], (label.confidence, local.confidence), strict=True
            ):
                values.append(number)
        language = one.text.given.get("language")
        self._language.append(
            self._languages.code(_primary(language) if language else one.local.language.value)
        )
        self._tier.append(self._tiers.code(one.settled_by or NOBODY))
        self._settled.append(not one.unsure)
        self._saved.append(not one.worth_asking)
        self._strangeness.append(one.out_of_scope)
        if one.answer is not None:
            self.asked += 1
            if one.answer.error is not None:
                self.errors[one.answer.error] += 1
            if (usage := one.answer.usage) is not None:
                self.tokens_in += usage.tokens_in
                self.tokens_out += usage.tokens_out
                self.cost_usd += usage.cost_usd

    def columns(self) -> Columns:
        """All texts so far."""
        fields = {}
        for name in LABELS:
            truth, given, local = (np.array(column, dtype=np.int64) for column in self._codes[name])
            confidence, local_confidence = (
                np.clip(np.array(column, dtype=np.float64), 0.0, 1.0) for column in self._confidences[name]
            )
            fields[name] = Field(
                names=self._names[name].all(),
                truth=truth,
                given=given,
                confidence=confidence,
                local=local,
                local_confidence=local_confidence,
            )
        return Columns(
            fields=fields,
            languages=self._languages.all(),
            language=np.array(self._language, dtype=np.int64),
            tiers=self._tiers.all(),
            tier=np.array(self._tier, dtype=np.int64),
            settled=np.array(self._settled, dtype=np.bool_),
            saved=np.array(self._saved, dtype=np.bool_),
            strangeness=np.array(self._strangeness, dtype=np.float64),
        )

    def _truth(self, name: str, text: Text) -> int:
        value = text.given.get(name)
        if value is None:
            return _UNKNOWN
        if name == "language":
            value = _primary(value)
        elif name == "intent" and value not in self._intents:
            self.outside[value] += 1
            value = OUT_OF_SCOPE
        return self._names[name].code(value)


def checked(
    entries: Iterable[Text | Passed | Fault], path: Path, taxonomy: Taxonomy
) -> Iterator[Text | Passed | Fault]:
    """The same, but for texts that nothing can be measured on: without labels, or with an emotion or urgency that is none."""
    allowed = {"emotion": taxonomy.emotions, "urgency": taxonomy.urgencies}
    for entry in entries:
        if not isinstance(entry, Text):
            yield entry
            continue
        wrong = next(
            (name for name, values in allowed.items() if entry.given.get(name, values[0]) not in values), None
        )
        if wrong is not None:
            fix = f"write one of {', '.join(allowed[wrong])}"
            yield Fault(path=path, line=entry.line, problem=f"the taxonomy has no such {wrong}", fix=fix)
        elif not entry.given:
            yield Passed(line=entry.line, id=entry.id, because="no label by people")
        else:
            yield entry


def _primary(language: str) -> str:
    """``zh`` of ``zh-Hans-CN``."""
    return language.replace("_", "-").partition("-")[0].lower()
