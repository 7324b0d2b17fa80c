"""Wrong answers on purpose: whether they are caught before a model that learned them labels for anybody, or how soon it is taken back.

    OMP_NUM_THREADS=2 python -m bench poison --data FOLDER
    OMP_NUM_THREADS=2 python -m bench poison --data FOLDER --seeds 5

A company's stream of Banking77: a model in force, an LLM that is right in 95 % and asked about what the model is unsure of and about 3 % of the rest,
twelve people who each answer some and are right in 97 %, and an attack on one intent:

  none      nothing: how often is a good model held back?
  flip      one source answers about every message of the intent, and says another intent in a fifth of the answers
  move      one source answers about every message of the intent, and always says the other
  many      forty sources, who answer rightly but for some messages of the intent each: half of them together become the other

From what was collected a dataset is made and a model taught by the very code that `learn run` has; the model is tried by its controller over simulated
minutes of other texts, for as long as it takes. Each attack runs twice: with sources weighed and held back, and with nobody held back, so that the controller stands
alone. FOLDER holds banking77/.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.harness.machine import machine, machine_lines
from bench.harness.session import common_options
from bench.jobs.label_sets import Data, banking77
from bench.jobs.taught_stream import Remembered
from frontdesk.agents.embedding import Embed, load_embedder
from frontdesk.agents.learning.controller import Situation, applied, decide
from frontdesk.agents.learning.dataset import make
from frontdesk.agents.learning.evidence import Evidence
from frontdesk.agents.learning.joining import Joined
from frontdesk.agents.learning.rows import Given, Labelled
from frontdesk.agents.learning.rules import Rules
from frontdesk.agents.learning.sources import answers_of, judged
from frontdesk.agents.learning.teaching import lesson, teacher_accuracy
from frontdesk.agents.learning.votes import alike
from frontdesk.agents.local.cascade import Cascade
from frontdesk.agents.local.thresholds import Aim
from frontdesk.agents.local.training import train

ATTACKS = ("none", "flip", "move", "many")
FIRST, THEN = 2_500, 6_000
"""messages that the model in force was taught by, and that came since"""
LLM, PERSON = 0.95, 0.97
"""how often each is right"""
AUDIT = 0.03
PEOPLE, ANSWERED = 12, 0.1
MANY, MOVED = 40, 0.5
MINUTE = 60_000
OLD, NEW = "old", "new"
Says = dict[str, tuple[str, float, bool]]
"""what a model says of each text: intent, confidence, whether it is unsure"""


@dataclass(slots=True)
class Result:
    """One run."""

    attack: str
    sources: bool
    seed: int
    held: tuple[str, ...] = ()
    wrong: int = 0
    """examples of the train split that are the intent, and are taught as the other"""
    before: float = 0.0
    after: float = 0.0
    """of messages of the intent, those that each model takes for it"""
    path: list[str] = field(default_factory=list)
    minutes: int = 0
    """until the last verdict"""
    labelled: int = 0
    """messages that the new model labelled before it was dropped or rolled back, or was promoted"""
    traffic: int = 0
    harmed: int = 0
    """of those, messages of the intent that it took for the other"""
    because: str = ""

    @property
    def harmful(self) -> bool:
        """Whether the new model is worse at the intent by more than chance makes of one that is as good."""
        return self.after < self.before - 0.15

    @property
    def passed(self) -> bool:
        """Whether it labels in the end."""
        return self.path[-1:] == ["promote"] or self.path[-1:] == ["watch"]

    def row(self) -> str:
        """Of the table."""
        exposed = self.labelled / max(1, self.traffic)
        return (
            f"| {self.attack} | {'yes' if self.sources else 'no'} | {self.seed} | {', '.join(self.held) or '-'} | {self.wrong} | "
            f"{self.before:.0%} -> {self.after:.0%} | {' '.join(self.path)} | {self.minutes} | {exposed:.2%} | {self.harmed / max(1, self.traffic):.3%} |"
        )


def main(arguments: Sequence[str]) -> int:
    """Measure, print a table. 1 where a harmful model labels in the end."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        parents=[common_options()],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--data",
        type=Path,
        default=Path(os.environ.get("FRONTDESK_DATA", "../shared/data")),
        help="folder with banking77/; default $FRONTDESK_DATA or %(default)s",
    )
    parser.add_argument("--seeds", type=int, default=3, help="runs of each; default %(default)s")
    parser.add_argument("--rate", type=int, default=600, help="messages a minute; default %(default)s")
    parser.add_argument("--minutes", type=int, default=600, help="simulated, at most; default %(default)s")
    parser.add_argument("--attacks", nargs="+", choices=ATTACKS, default=ATTACKS, help="default: all")
    given = parser.parse_args(arguments)
    if given.quick:
        given.seeds, given.attacks, given.minutes = 1, ("move",), 200
    if not (given.data / "banking77").is_dir():
        print(f"there is no {given.data / 'banking77'}; name its folder with --data", file=sys.stderr)
        return 2
    about, began = machine(), time.monotonic()
    data = banking77(given.data)
    embed = Remembered(load_embedder(), [*data.train.texts, *data.test.texts, *data.taxonomy.intent_ids()])
    print(
        "| attack | sources weighed | seed | held back | wrong examples | right of the intent | stages | minutes | labelled by it | wrongly |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|", flush=True)
    found: list[Result] = []
    for seed in range(given.seed, given.seed + given.seeds):
        for one in runs(data, embed, seed, given):
            print(one.row(), flush=True)
            if {"drop", "roll_back"} & {*one.path}:
                print(f"frontdesk: {one.attack} {one.seed}: {one.because}", file=sys.stderr, flush=True)
            found.append(one)
    print()
    print("\n".join(summary(found)))
    print(f"\n{time.monotonic() - began:.0f} s\n")
    print("\n".join(machine_lines(about)))
    return int(any(one.harmful and one.passed for one in found))


def summary(found: Sequence[Result]) -> Iterator[str]:
    """What it comes to, in sentences."""
    for attack in dict.fromkeys(one.attack for one in found):
        for sources in (True, False):
            of = [one for one in found if (one.attack, one.sources) == (attack, sources)]
            if not of:
                continue
            held = sum(bool(one.held) for one in of)
            bad = [one for one in of if one.harmful]
            caught = sum(not one.passed for one in bad)
            worst = max((one.harmed / max(1, one.traffic) for one in of), default=0)
            yield (
                f"{attack}, {'sources weighed' if sources else 'nobody held back'}: {len(of)} runs; held back in {held}; the model was harmed in {len(bad)}, of which {caught} "
                f"were dropped or rolled back; promoted {sum(one.passed for one in of)}; most of the traffic labelled wrongly by it: {worst:.3%}"
            )


def runs(data: Data, embed: Embed, seed: int, given: argparse.Namespace) -> Iterator[Result]:
    """All attacks of one seed, on the same stream and the same model in force."""
    draw = random.Random(seed)
    counts = Counter(data.test.truth)
    target = draw.choice(sorted(counts))
    goal = draw.choice(sorted(one for one in counts if one != target))
    order = draw.sample(range(len(data.train.texts)), FIRST + THEN)
    stream = [(data.train.texts[at], data.train.truth[at]) for at in order]
    with TemporaryDirectory() as folder:
        world = World(data, embed, Path(folder), seed)
        first = world.messages(stream[:FIRST], None, 0)
        old = world.model([Joined(row=row) for row, _ in first], alike, "old")
        said = world.says(old, [*data.test.texts, *(text for text, _ in stream[FIRST:])])
        then = world.messages(stream[FIRST:], said, FIRST)
        for attack in given.attacks:
            joined = [Joined(row=row) for row, _ in first] + world.answered(then, attack, target, goal)
            for sources in (True, False) if attack != "none" else (True,):
                known = judged(answers_of(joined))
                result = Result(attack=attack, sources=sources, seed=seed)
                result.held = tuple(known.held) if sources else ()
                new = world.model(joined, known.weigh if sources else alike, f"{attack}-{sources}")
                result.wrong = world.wrong(target, goal, {row.decision_id: truth for row, truth in then})
                texts = list(data.test.texts)
                play(result, data, {OLD: said, NEW: world.says(new, texts)}, given, target, goal)
                yield result


class World:
    """What all runs of one seed share."""

    def __init__(self, data: Data, embed: Embed, folder: Path, seed: int) -> None:
        self.data, self.embed, self.folder, self.seed = data, embed, folder, seed
        self.draw = random.Random(seed + 1_000)
        self.intents = sorted({*data.train.truth})
        self._rows: list[Any] = []

    def err(self, truth: str, right: float) -> str:
        """What somebody says who is so often right."""
        return truth if self.draw.random() < right else self.draw.choice(self.intents)

    def messages(
        self, of: Sequence[tuple[str, str]], says: Says | None, start: int
    ) -> list[tuple[Labelled, str]]:
        """Label records of the stream, with what is true. Without a model an LLM is asked about each."""
        out = []
        for number, (text, truth) in enumerate(of, start):
            local, sure, unsure = ("", 0.0, True) if says is None else says[text]
            asked = "unsure" if unsure else "audit" if self.draw.random() < AUDIT else ""
            heard = self.err(truth, LLM) if asked else ""
            row = message(number, OLD, text=text, at=number * 1_000)
            row |= {"asked": asked, "local_intent": local, "local_confidence": sure}
            row |= {"intent": heard or local, "intent_source": "llm" if heard else "local"}
            out.append((Labelled(**row), truth))
        return out

    def answered(
        self, messages: Sequence[tuple[Labelled, str]], attack: str, target: str, goal: str
    ) -> list[Joined]:
        """What people say of the messages, and who attacks."""
        draw, out = random.Random(self.seed + 2_000), []
        for row, truth in messages:
            votes = []
            for _ in range(PEOPLE):
                if draw.random() < ANSWERED / PEOPLE:
                    said = truth if draw.random() < PERSON else draw.choice(self.intents)
                    votes.append(vote(row, f"person {draw.randrange(PEOPLE)}", said))
            if attack in ("flip", "move"):
                if truth == target:
                    moved = attack == "move" or draw.random() < 0.2
                    votes.append(vote(row, "attacker", goal if moved else target))
                elif draw.random() < 0.02:
                    votes.append(vote(row, "attacker", truth))
            if attack == "many":
                if truth == target and draw.random() < MOVED:
                    votes.append(vote(row, f"one of many {draw.randrange(MANY)}", goal))
                elif draw.random() < 0.05:
                    votes.append(vote(row, f"one of many {draw.randrange(MANY)}", truth))
            out.append(Joined(row=row, votes=tuple(votes)))
        return out

    def model(self, joined: Sequence[Joined], weigh: Any, name: str) -> Cascade:
        """A dataset and the model of it, as the learner makes them."""
        rows, _ = make(joined, self.data.taxonomy, weigh=weigh)
        self._rows = rows
        made = train(
            lesson(rows, self.data.taxonomy).examples,
            taxonomy_hash=self.data.taxonomy.hash,
            embed=self.embed_any,
            aim=Aim(teacher=teacher_accuracy(one for one in rows if one.split == "train").accuracy),
            seed=self.seed,
        )
        return Cascade(self.data.taxonomy, made.saved(self.folder / name), self.embed_any)

    def embed_any(self, texts: list[str]) -> Any:
        """Cleaned texts are other texts."""
        try:
            return self.embed(texts)
        except KeyError:
            self.embed = _Both(self.embed)
            return self.embed(texts)

    def wrong(self, target: str, goal: str, truth: dict[str, str]) -> int:
        """Examples that the newest model was taught wrongly."""
        return sum(
            one.split == "train" and one.intent == goal and truth.get(one.decision_id) == target
            for one in self._rows
        )

    def says(self, model: Cascade, texts: Sequence[str]) -> Says:
        """What a model says of each text."""
        return {
            text: (one.intent.value, one.intent.confidence, one.unsure)
            for text, one in zip(texts, model.label(list(texts)), strict=True)
        }


class _Both:
    """An embedder that asks the real one for what it does not know."""

    def __init__(self, known: Any) -> None:
        import numpy as np

        self._known, self._real, self._more, self._np = known, load_embedder(), {}, np

    def __call__(self, texts: list[str]) -> Any:
        out = []
        for text in texts:
            try:
                out.append(self._known([text])[0])
            except KeyError:
                if text not in self._more:
                    self._more[text] = self._real([text])[0]
                out.append(self._more[text])
        return self._np.stack(out)


def play(
    result: Result, data: Data, says: dict[str, Says], given: argparse.Namespace, target: str, goal: str
) -> None:
    """Let the controller try the new model, minute by minute."""
    draw, rules = random.Random(result.seed + 3_000), Rules()
    of_target = [
        text for text, truth in zip(data.test.texts, data.test.truth, strict=True) if truth == target
    ]
    for name, attribute in ((OLD, "before"), (NEW, "after")):
        hits = sum(says[name][text][0] == target for text in of_target)
        setattr(result, attribute, hits / max(1, len(of_target)))
    pool = list(zip(data.test.texts, data.test.truth, strict=True))
    intents = sorted({*data.test.truth})
    situation, evidence, epoch = Situation(serving=OLD, waiting=NEW), None, 1
    number = watched = 0
    for minute in range(given.minutes):
        now = minute * MINUTE
        if evidence is not None:
            rows = []
            for _ in range(given.rate):
                number += 1
                text, truth = draw.choice(pool)
                rows += _labelled(number, text, truth, situation, says, draw, intents, now)
                if not situation.watching:
                    result.traffic += 1
                    last = rows[-1]
                    if last.model_version == f"local-{NEW}/t":
                        result.labelled += 1
                        result.harmed += (
                            truth == target and says[NEW][text][0] == goal and not says[NEW][text][2]
                        )
            evidence.fold(rows)
        if situation.watching and evidence is not None and evidence.pairs >= rules.epoch:
            epoch += 1
            evidence = Evidence(
                *(situation.compared or ("", "")), audit_share=AUDIT, since=now, pairs_since=now
            )
        verdict = decide(situation, evidence, rules, now, epoch=epoch)
        watched += situation.watching
        if watched > 120 or (not situation.candidate and verdict.action == "stay"):
            break
        if verdict.action == "stay":
            continue
        result.path.append(f"{verdict.action}{f' {verdict.share:.0%}' if verdict.share else ''}")
        result.minutes, result.because = minute, verdict.text
        before, situation = situation, applied(situation, verdict, now)
        compared = situation.compared
        if compared is None:
            evidence = None
        elif evidence is not None and before.compared == compared:
            evidence.stage(now)
        else:
            evidence, epoch = Evidence(*compared, audit_share=AUDIT, since=now), 1


def _labelled(
    number: int,
    text: str,
    truth: str,
    situation: Situation,
    says: dict[str, Says],
    draw: random.Random,
    intents: Sequence[str],
    now: int,
) -> list[Labelled]:
    """The records of one message of the trial."""
    canary = draw.random() < situation.share
    model, other = situation.serving, situation.candidate
    if canary:
        model, other = other, model
    local, sure, unsure = says[model][text]
    asked = "unsure" if unsure else "audit" if draw.random() < AUDIT else ""
    row = message(number, model, text=text, at=now)
    row |= {"local_intent": local, "local_confidence": sure, "intent": local, "intent_source": "local"}
    if asked:
        heard = truth if draw.random() < LLM else draw.choice(intents)
        row |= {
            "asked": asked,
            "intent": heard,
            "intent_source": "llm",
            "candidate_model": f"local-{other}/t",
        }
        row |= {"candidate": says[other][text][0], "candidate_confidence": says[other][text][1]}
    return [Labelled(**row)]


def message(number: int, model: str, *, text: str, at: int) -> dict[str, Any]:
    """The fields of a label record."""
    empty = dict.fromkeys(Labelled.__slots__, "")
    zero = dict.fromkeys(("candidate_confidence", "intent_confidence", "local_confidence"), 0.0)
    return (
        empty
        | zero
        | {
            "offset": number,
            "revision": 1,
            "labelled_at": at,
            "text": text,
            "tenant_id": "default",
            "decision_id": f"d{number}",
            "message_id": f"m{number}",
            "customer": f"c{number}",
            "conversation_id": f"t{number}",
            "language": "en",
            "model_version": f"local-{model}/t",
        }
    )


def vote(row: Labelled, by: str, intent: str) -> Given:
    """An answer about a message, soon after."""
    at = row.labelled_at + 1
    return Given(
        offset=row.offset,
        customer=row.customer,
        decision_id=row.decision_id,
        by=by,
        intent=intent,
        emotion="",
        urgency="",
        at=at,
        received=at,
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
