"""Words that look like one another misspelt."""

from __future__ import annotations

_SHORT, _LONG = 5, 9
"""letters from which one letter makes no other word, and from which two do not"""


def alike(one: str, other: str, *, exact_case: bool) -> bool:
    """Whether the words differ by what fingers do: case, hyphens, a letter (two in long words). Numbers tell words apart; case does
    where platforms spell the words."""
    if [letter for letter in one if letter.isdigit()] != [letter for letter in other if letter.isdigit()]:
        return False
    if exact_case and one.lower() == other.lower():
        return False
    plain, other_plain = _plain(one), _plain(other)
    if plain == other_plain:
        return True
    length = min(len(plain), len(other_plain))
    allowed = 2 if length >= _LONG else 1 if length >= _SHORT else 0
    return allowed > 0 and _distance(plain, other_plain, allowed) <= allowed


def _plain(word: str) -> str:
    return "".join(letter for letter in word.lower() if letter.isalnum())


def _distance(one: str, other: str, most: int) -> int:
    """Letters put in, left out, changed or exchanged with their neighbour (optimal string alignment); more than `most` is not counted."""
    if abs(len(one) - len(other)) > most:
        return most + 1
    before: list[int] = []
    last = list(range(len(other) + 1))
    for row, letter in enumerate(one, 1):
        line = [row]
        for column, theirs in enumerate(other, 1):
            cost = min(last[column] + 1, line[column - 1] + 1, last[column - 1] + (letter != theirs))
            if row > 1 and column > 1 and letter == other[column - 2] and one[row - 2] == theirs:
                cost = min(cost, before[column - 2] + 1)
            line.append(cost)
        before, last = last, line
    return last[-1]
