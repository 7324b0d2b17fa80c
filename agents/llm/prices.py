"""Money: what tokens cost, what a request may cost at most, and the bill of one ask."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

from frontdesk.schemas.state import Usage
from frontdesk.streams.yaml_fields import mapping, mapping_of_any, number
from frontdesk.streams.yaml_source import read

TABLE = "prices.yaml"
_DATED = re.compile(r"-\d{4}-\d{2}-\d{2}$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """US dollars for a million tokens."""

    tokens_in: float = 0.0
    tokens_out: float = 0.0
    known: bool = True
    """false where nobody said: calls count as free, and no budget holds them"""

    def of(self, tokens_in: int, tokens_out: int) -> float:
        """Dollars."""
        return (tokens_in * self.tokens_in + tokens_out * self.tokens_out) / 1e6


UNKNOWN = Price(known=False)


def listed(model: str) -> Price | None:
    """The bundled table's price of a model, or of the model of which it is a dated version; None if it has neither.

    Nothing else is taken for similar: `gpt-5-pro` costs ten times what `gpt-5` costs.
    """
    return _table().get(model) or _table().get(_DATED.sub("", model))


@cache
def _table() -> dict[str, Price]:
    root, problems = read((files("frontdesk.agents.llm") / TABLE).read_text(encoding="utf-8"), TABLE)
    table = {}
    for model, node in mapping_of_any(root, "the table", problems).items():
        fields = mapping(node, model, ("in", "out"), problems, required=("in", "out"))
        table[model] = Price(
            tokens_in=number(fields.get("in"), "in", problems) or 0.0,
            tokens_out=number(fields.get("out"), "out", problems) or 0.0,
        )
    problems.raise_if_any()
    return table


@dataclass(slots=True, kw_only=True)
class Bill:
    """What the requests of one ask cost together.

    Every request is put down at its bound before it is sent, and stays so until its end says what it cost: one that was cut
    off or cancelled may have been charged in full.
    """

    model: str
    price: Price
    limit: float | None = None
    """dollars; None for no limit"""
    _tokens_in: int = 0
    _tokens_out: int = 0
    _cost: float = 0.0
    _open: list[float] = field(default_factory=list)

    def affords(self, bound: float) -> bool:
        """Whether one more request of this bound stays within the limit."""
        return self.limit is None or sum((*self._open, bound), self._cost) <= self.limit

    def sent(self, bound: float) -> None:
        """A request goes out."""
        self._open.append(bound)

    def settle(self, bound: float, tokens_in: int, tokens_out: int) -> None:
        """The request that was put down at this bound cost these tokens; none if it was turned away."""
        self._open.remove(bound)
        self._tokens_in += tokens_in
        self._tokens_out += tokens_out
        self._cost += self.price.of(tokens_in, tokens_out)

    def total(self) -> Usage | None:
        """Known tokens, and the cost with what is not known at its bound; None if nothing can have been charged."""
        if not self._open and not self._tokens_in and not self._tokens_out:
            return None
        return Usage(
            model=self.model,
            tokens_in=self._tokens_in,
            tokens_out=self._tokens_out,
            cost_usd=sum(self._open, self._cost),
        )
