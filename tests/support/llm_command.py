"""The stand-in for an LLM as a process of its own: `python -m tests.support.llm_server`."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Sequence
from pathlib import Path

from tests.support.llm_answers import answers_from, by_cues
from tests.support.llm_latency import Latency, latency_of
from tests.support.llm_server import FAILURES, LlmServer

_EXAMPLES = """\
examples:
  python -m tests.support.llm_server --port 8000
      answers at once, by a few cue words; then: export FRONTDESK_LLM_BASE_URL=http://127.0.0.1:8000/v1
  python -m tests.support.llm_server --latency 50%:0.5,99%:0.9,99%:8
      half of the answers within 0.5 s, and one in a hundred takes 8 s
  python -m tests.support.llm_server --latency lognormal:0.8,0.5 --labels teacher.jsonl --error-rate 0.05
      a teacher that knows the answers of a file and is wrong in one of twenty
  python -m tests.support.llm_server --fail 500=0.4 --fail hang=0.2 --fail reset=0.4
      an outage: no call succeeds

a line of --labels:
  {"text": "Where is my parcel?", "intent": "after_sales", "emotion": "anxious"}
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until interrupted. The URL is on the first line of stdout."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.support.llm_server",
        description="A local LLM endpoint for tests, chaos and benches: the OpenAI chat protocol on 127.0.0.1.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--port", type=int, default=0, help="0: any that is free (%(default)s)")
    parser.add_argument(
        "--latency",
        type=_latency,
        default=0.0,
        metavar="SECONDS",
        help="before each answer: 0.5, lognormal:MEDIAN,SIGMA, or percentiles as 50%%:0.5,99%%:8 (%(default)s)",
    )
    parser.add_argument("--error-rate", type=float, default=0.0, help="share of wrong intents (%(default)s)")
    parser.add_argument(
        "--confidence", type=float, default=0.95, help="that comes with every label (%(default)s)"
    )
    parser.add_argument(
        "--fail",
        action="append",
        default=[],
        type=_failure,
        metavar="KIND=SHARE",
        help=f"share of requests that end so; may be given several times: {', '.join(FAILURES)}",
    )
    parser.add_argument("--retry-after", default="1", metavar="SECONDS", help="header of a 429 (%(default)s)")
    parser.add_argument("--labels", type=Path, metavar="FILE", help="JSON lines; other texts by cue words")
    parser.add_argument("--seed", type=int, default=0, help="of failures, latency and errors (%(default)s)")
    options = parser.parse_args(arguments)
    if sum(share for _, share in options.fail) > 1.0001:
        parser.error("--fail: the shares add up to more than 1")
    try:
        answer = answers_from(options.labels) if options.labels else by_cues
    except (OSError, ValueError) as error:
        parser.error(f"--labels: {error}")
    server = LlmServer(
        answer=answer,
        error_rate=options.error_rate,
        confidence=options.confidence,
        latency=options.latency,
        failures=dict(options.fail),
        retry_after=options.retry_after,
        seed=options.seed,
        port=options.port,
        keep=False,
    )
    try:
        asyncio.run(_serve(server))
    except KeyboardInterrupt:
        return 130
    return 0


def _latency(text: str) -> Latency:
    try:
        return latency_of(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _failure(text: str) -> tuple[str, float]:
    kind, _, share = text.partition("=")
    if kind not in FAILURES:
        raise argparse.ArgumentTypeError(f"there is no failure {kind!r}; known are {', '.join(FAILURES)}")
    try:
        return kind, float(share)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: give a share, such as {kind}=0.1") from None


async def _serve(server: LlmServer) -> None:
    async with server:
        print(server.url, flush=True)
        await asyncio.Event().wait()
