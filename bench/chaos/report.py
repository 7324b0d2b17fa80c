"""What came of a run: one record, as JSON and as a table."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.metadata import version

from bench.chaos.faults import TITLES
from frontdesk import __version__
from tests.support import kafka
from tests.support.audit import VIOLATIONS

COUNTED = (
    "messages",
    "decisions",
    "undecided",
    "context",
    "duplicates",
    "facts",
    "dead_letters",
    "provisional",
    "amended",
    "alerts",
    "suggestions",
    "labels",
    "audits",
    "customers",
    "samples",
)
"""what the audit counted, by its names"""
LONG_RUN = 200
"""kills of the run that is projected"""


@dataclass(slots=True, kw_only=True)
class Result:
    """What happened, and whether it adds up. Durations in seconds."""

    seed: int
    guarantee: str
    snapshots: str
    versions: dict[str, str]
    kills: int
    seconds: dict[str, float] = field(default_factory=dict)
    """start, faults, drain, audit and total"""
    faults: dict[str, int] = field(default_factory=dict)
    moments: dict[str, int] = field(default_factory=dict)
    """kills, cuts and sleeps that hit right after a request of this kind, before its response"""
    requests_lost: dict[str, int] = field(default_factory=dict)
    """requests under way on a connection that a network fault or a kill at its moment ended, by kind"""
    exits: dict[str, int] = field(default_factory=dict)
    """workers that ended by themselves, or were asked to, by exit code"""
    observed: dict[str, int] = field(default_factory=dict)
    """what the workers' logs say"""
    published: int = 0
    resent: int = 0
    llm_calls: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    violations: dict[str, int] = field(default_factory=lambda: dict.fromkeys(VIOLATIONS, 0))
    orphans_served_after: list[float] = field(default_factory=list)
    survivors_paused: list[float] = field(default_factory=list)
    session_timeout: float = 0.0
    wrong: list[str] = field(default_factory=list)
    """every violation, and what else kept the run from showing what it is for"""

    @property
    def projected(self) -> float:
        """Seconds that 200 kills would take, audit included."""
        fixed = self.seconds["start"] + self.seconds["drain"]
        growing = self.seconds["faults"] + self.seconds["audit"]
        return fixed + growing * LONG_RUN / max(1, self.kills)


def table(result: Result) -> str:
    """The result in Markdown, as documents quote it."""
    return "\n".join(f"| {name} | {value} |" for name, value in _rows(result))


def _rows(result: Result) -> Iterator[tuple[str, str]]:
    seconds, counts = result.seconds, result.counts
    yield f"seed {result.seed}, {result.guarantee}, {seconds['total']:.0f} s", ""
    yield "---", "---"
    yield "**kills**", f"**{result.kills}**"
    for kind in TITLES:
        yield TITLES[kind], f"{result.faults.get(kind, 0):,}"
    yield (
        "requests lost under way",
        ", ".join(f"{kind} {n}" for kind, n in result.requests_lost.items()) or "none",
    )
    yield "customer messages", f"{counts['messages']:,}"
    yield "decided at revision 1", f"{counts['decisions']:,}"
    yield (
        "context, duplicates, facts",
        ", ".join(f"{counts[n]:,}" for n in ("context", "duplicates", "facts")),
    )
    yield (
        "dead letters, alerts, suggestions",
        ", ".join(f"{counts[n]:,}" for n in ("dead_letters", "alerts", "suggestions")),
    )
    yield "provisional, amended", f"{counts['provisional']:,}, {counts['amended']:,}"
    yield "LLM calls", f"{result.llm_calls:,}"
    yield (
        "customers compared with the fold, samples of offsets",
        f"{counts['customers']:,}, {counts['samples']:,}",
    )
    yield (
        f"**violations: {', '.join(result.violations)}**",
        "**" + ", ".join(map(str, result.violations.values())) + "**",
    )
    yield (
        f"longest pause of shards that stayed, of {len(result.survivors_paused)}",
        _longest(result.survivors_paused),
    )
    yield (
        f"orphaned shards served after, of {len(result.orphans_served_after)} (session {result.session_timeout:g} s)",
        _longest(result.orphans_served_after),
    )
    yield (
        "snapshots of state",
        f"{result.snapshots}; shards began " + ", ".join(f"{n} {how}" for how, n in _beginnings(result)),
    )
    yield (
        "workers that ended by themselves or on SIGTERM, by exit code",
        ", ".join(f"{code}: {n}" for code, n in result.exits.items()),
    )
    yield (
        "seconds for each kill; 200 kills projected",
        f"{seconds['faults'] / max(1, result.kills):.1f}; {result.projected / 60:.0f} min",
    )
    yield "versions", ", ".join(f"{name} {one}" for name, one in result.versions.items())


def _longest(found: list[float]) -> str:
    if not found:
        return "not measured"
    ordered = sorted(found)
    return f"{ordered[-1]:.1f} s (median {ordered[len(ordered) // 2]:.1f} s)"


def _beginnings(result: Result) -> Iterator[tuple[str, int]]:
    for told, how in (("True", "with a snapshot"), ("False", "from the log alone")):
        yield how, result.observed.get(f"shard_serves {told}", 0)


def versions() -> dict[str, str]:
    """Of all that takes part."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    ).stdout.strip()
    java = subprocess.run([kafka.find_java(), "-version"], capture_output=True, text=True, check=False).stderr
    kernel = platform.release().partition("-")[0]
    return {
        "frontdesk": f"{__version__} {commit}".strip(),
        "Apache Kafka": kafka.VERSION,
        "faust-streaming": version("faust-streaming"),
        "aiokafka": version("aiokafka"),
        "Python": platform.python_version(),
        "Java": java.split('"')[1] if '"' in java else "unknown",
        "on": f"{platform.system()} {kernel}, {os.cpu_count()} cores",
    }
