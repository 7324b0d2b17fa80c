"""A fine-tuning job at an OpenAI-compatible endpoint: begun once however often it is started, followed to its end."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from openai import AsyncOpenAI, OpenAIError
from openai.types.fine_tuning import FineTuningJob, FineTuningJobEvent

from frontdesk.agents.errors import StartupError
from frontdesk.agents.learning.finetune_state import TRAIN, VALIDATION, Job, Manifest, read_job, write
from frontdesk.agents.llm.exchange import plain_headers
from frontdesk.agents.llm.failures import failure_of

ATTEMPTS = 5
FIRST_PAUSE = 1.0
"""seconds; doubles with each attempt, with full jitter"""
LONGEST_PAUSE = 60.0
PAGE = 100
MOST_EVENTS = 10_000
"""that are looked through for the last one shown"""
R = TypeVar("R")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is asked for besides the files. None: as the endpoint chooses."""

    base: str
    suffix: str = "frontdesk"
    epochs: int | None = None
    batch_size: int | None = None
    learning_rate_multiplier: float | None = None

    def method(self) -> dict[str, Any]:
        """As the endpoint wants it."""
        chosen = {
            "n_epochs": self.epochs,
            "batch_size": self.batch_size,
            "learning_rate_multiplier": self.learning_rate_multiplier,
        }
        given = {name: value for name, value in chosen.items() if value is not None}
        return {"type": "supervised", "supervised": {"hyperparameters": given}}


@dataclass(slots=True, kw_only=True)
class FineTuning:
    """The calls for one export. The client's own retries are off: this is the one layer of them."""

    client: AsyncOpenAI
    folder: Path
    tell: Callable[[str], None] = lambda _: None
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    jitter: Callable[[], float] = random.random
    _headers: Mapping[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        self._headers = plain_headers(self.client)

    async def start(self, plan: Plan, manifest: Manifest, base_url: str, *, again: bool = False) -> Job:
        """The job of this export: the one that there is, or a new one.

        Files and job are looked for at the endpoint before they are made, also when an earlier call was cut off after it had arrived: none
        is made twice. `again`: where the job failed or was cancelled, another.

        Raises:
            StartupError: the export or the base changed since, the job came to nothing, or the endpoint refuses.
        """
        job = self._begun(plan, manifest, base_url, again=again)
        if job.job is not None:
            return job
        if job.train_file is None:
            job = self._keep(replace(job, train_file=await self._uploaded(TRAIN, job.train_sha256)))
        if job.validation_file is None and manifest.rows.get("validation"):
            uploaded = await self._uploaded(VALIDATION, job.validation_sha256)
            job = self._keep(replace(job, validation_file=uploaded))
        made = await self._retried("creating the job", lambda: self._create(plan, job))
        self.tell(f"job {made.id}")
        return self._keep(_seen(job, made))

    async def follow(self, job: Job, every: float) -> Job:
        """Tell of each event until the job ends, looking every so many seconds. What was told is kept: stopped and called again it goes on.

        Raises:
            StartupError: the endpoint refuses, or stays away for all attempts.
        """
        assert job.job is not None  # noqa: S101  # `start` has made one
        name = job.job
        while True:
            found = await self._retried("asking for the job", lambda: self._job(name))
            for event in await self._new_events(name, job.last_event):
                self.tell(worded(event))
                job = replace(job, last_event=event.id)
            job = self._keep(_seen(job, found))
            if job.ended:
                return job
            await self.sleep(every)

    async def look(self, job: Job) -> Job:
        """As it is now, without its events."""
        if job.job is None:
            return job
        name = job.job
        return self._keep(_seen(job, await self._retried("asking for the job", lambda: self._job(name))))

    async def cancel(self, job: Job) -> Job:
        """Stop a job that has not ended."""
        assert job.job is not None  # noqa: S101  # the caller has looked
        name = job.job

        async def call() -> FineTuningJob:
            return await self.client.fine_tuning.jobs.cancel(name, extra_headers=self._headers)

        return self._keep(_seen(job, await self._retried("cancelling", call)))

    def _begun(self, plan: Plan, manifest: Manifest, base_url: str, *, again: bool) -> Job:
        fresh = Job(
            base=plan.base,
            base_url=base_url,
            train_sha256=manifest.train_sha256,
            validation_sha256=manifest.validation_sha256,
        )
        job = read_job(self.folder)
        if job is None:
            return self._keep(fresh)
        for name in ("base", "base_url", "train_sha256", "validation_sha256"):
            if getattr(job, name) != getattr(fresh, name):
                raise StartupError(
                    f"{self.folder}: its job was begun with another {name}; export to another folder for another job"
                )
        if job.status in ("failed", "cancelled") and job.job is not None:
            if not again:
                because = f": {job.error}" if job.error else ""
                raise StartupError(
                    f"{self.folder}: job {job.job} was {job.status}{because}; start another one with --again"
                )
            return self._keep(
                replace(
                    fresh,
                    train_file=job.train_file,
                    validation_file=job.validation_file,
                    abandoned=(*job.abandoned, job.job),
                )
            )
        return job

    async def _uploaded(self, name: str, sha256: str) -> str:
        found = await self._retried(f"uploading {name}", lambda: self._upload(name, sha256))
        self.tell(f"{name} is file {found}")
        return found

    async def _upload(self, name: str, sha256: str) -> str:
        """The id of this file at the endpoint. Its name there tells its content."""
        called = f"frontdesk-{sha256[:16]}-{name}"
        data = (self.folder / name).read_bytes()
        async for one in self.client.files.list(purpose="fine-tune", limit=PAGE, extra_headers=self._headers):
            if one.filename == called and one.bytes == len(data):
                return one.id
        made = await self.client.files.create(
            file=(called, data), purpose="fine-tune", extra_headers=self._headers
        )
        return made.id

    async def _create(self, plan: Plan, job: Job) -> FineTuningJob:
        assert job.train_file is not None  # noqa: S101  # uploaded before
        async for one in self.client.fine_tuning.jobs.list(limit=PAGE, extra_headers=self._headers):
            if one.training_file == job.train_file and one.model == plan.base and one.id not in job.abandoned:
                return one
        return await self.client.fine_tuning.jobs.create(
            model=plan.base,
            training_file=job.train_file,
            suffix=plan.suffix,
            method=plan.method(),  # type: ignore[arg-type]  # a plain dictionary of the library's shape
            extra_headers=self._headers,
            validation_file=job.validation_file,
        )

    async def _job(self, name: str) -> FineTuningJob:
        return await self.client.fine_tuning.jobs.retrieve(name, extra_headers=self._headers)

    async def _new_events(self, name: str, last: str | None) -> list[FineTuningJobEvent]:
        return await self._retried("asking for its events", lambda: self._events(name, last))

    async def _events(self, name: str, last: str | None) -> list[FineTuningJobEvent]:
        """Those after `last`, oldest first; the endpoint lists the newest first."""
        found: list[FineTuningJobEvent] = []
        listed = self.client.fine_tuning.jobs.list_events(name, limit=PAGE, extra_headers=self._headers)
        async for event in listed:
            if event.id == last or len(found) >= MOST_EVENTS:
                break
            found.append(event)
        return found[::-1]

    async def _retried(self, doing: str, call: Callable[[], Awaitable[R]]) -> R:
        """What the call gives, asked again where that may help.

        Raises:
            StartupError: it does not.
        """
        for attempt in range(ATTEMPTS):
            try:
                return await call()
            except (OpenAIError, TimeoutError) as error:
                failure = failure_of(error, time.time())
                if not failure.again or attempt == ATTEMPTS - 1:
                    raise StartupError(_refusal(doing, failure.word, error)) from None
                pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2**attempt) * self.jitter()
                self.tell(f"{doing}: {failure.word}; trying again")
                await self.sleep(max(pause, failure.retry_after or 0.0))
        raise AssertionError("the last attempt returns or raises")

    def _keep(self, job: Job) -> Job:
        write(self.folder, job)
        return job


def worded(event: FineTuningJobEvent) -> str:
    """An event for people: its words, and the measures that came with it."""
    data = event.data if isinstance(event.data, Mapping) else {}
    told = ", ".join(
        f"{name} {value:.4g}" for name, value in sorted(data.items()) if isinstance(value, int | float)
    )
    return f"{event.message} ({told})" if told and event.type == "metrics" else event.message


def _seen(job: Job, found: FineTuningJob) -> Job:
    error = found.error
    return replace(
        job,
        job=found.id,
        status=found.status,
        tuned=found.fine_tuned_model,
        trained_tokens=found.trained_tokens,
        error=error.message if error is not None and error.message else None,
    )


_FIXES = {
    "denied": "see FRONTDESK_LLM_BASE_URL and FRONTDESK_LLM_API_KEY; not every endpoint tunes models",
    "rejected": "look at FRONTDESK_FINETUNE_BASE and the other FRONTDESK_FINETUNE_* settings",
}


def _refusal(doing: str, word: str, error: Exception) -> str:
    said = getattr(error, "body", None)
    message = said.get("message") if isinstance(said, Mapping) else None
    told = f" ({str(message)[:200]})" if word == "rejected" and message else ""
    return f"{doing}: the endpoint said {word}{told}; {_FIXES.get(word, 'start again later: it goes on where it was')}"
