"""Which model labels a worker's messages: its own, or the one that was published; and which one is on trial."""

from __future__ import annotations

import asyncio
import math
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import structlog

from frontdesk.agents.embedding import Embed
from frontdesk.agents.errors import StartupError
from frontdesk.agents.kafka.models import CANDIDATE, OWN, PREVIOUS, SERVING, Models
from frontdesk.agents.learning.registry import Unreachable, Unusable, fetch
from frontdesk.agents.local.build import trained
from frontdesk.agents.local.model import load_model
from frontdesk.schemas.broadcast import ModelUpdate
from frontdesk.schemas.types import Millis
from frontdesk.streams.candidate import Candidate
from frontdesk.streams.ports import IntentLabeller
from frontdesk.streams.taxonomy import Taxonomy

log = structlog.get_logger(__name__)

RETRY_FIRST, RETRY_MOST = 5.0, 300.0
"""seconds until a registry that does not answer is asked again, twice as long each time"""
_TRIED = ("hello", "我的订单还没有到", "I was charged twice, please check the invoice of last month")
"""a model that cannot label these could label nothing"""

Load = Callable[[ModelUpdate], IntentLabeller]


@dataclass(frozen=True, slots=True)
class Wish:
    """Which model is to have a stage, and what is known of it."""

    version: str
    share: float = 0.0
    announced: ModelUpdate | None = None
    said: ModelUpdate | None = None
    """the record of the stage"""


class Modelbook:
    """Loads what is published, beside the event loop. What cannot be used is refused aloud, and what labels goes on to; on trial is
    nothing until the new one is there. What is loaded already, and each worker's own, is put to use at once: a rollback waits for nobody.

    Lives on one event loop. `load` is called in a thread, and raises `Unusable` or `Unreachable`; `changed` is awaited when something
    that took its time has come into use; `refused` is told of each refusal.
    """

    def __init__(
        self,
        own: IntentLabeller,
        load: Load,
        *,
        changed: Callable[[], Awaitable[None]],
        refused: Callable[[str], None] = lambda stage: None,
        retry: float = RETRY_FIRST,
    ) -> None:
        self.labeller = own
        """what labels now"""
        self.candidate: Candidate | None = None
        """what is on trial now"""
        self.refusing: set[str] = set()
        """stages that name now what cannot be used, or cannot be had yet"""
        self._own = own
        self._load = load
        self._changed = changed
        self._refused = refused
        self._retry = retry
        self._loaded: dict[str, IntentLabeller] = {}
        """by version; those only that have a stage, or had one before"""
        self._wishes = dict.fromkeys((SERVING, CANDIDATE, PREVIOUS), Wish(OWN))
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._looked: dict[str, asyncio.Event] = {}
        self._held = False

    def follow(self, models: Models, frozen_since: Millis | None = None) -> None:
        """Go by what the topic says now; `frozen_since`: since when learning is frozen. Returns at once.

        What was refused is looked at again when it, or its stage, is published anew.
        """
        version, trial = models.serving(frozen_since), models.candidate(frozen_since)
        held = version != models.version(SERVING) or (trial is None and models.version(CANDIDATE) != OWN)
        if held and not self._held:
            log.warning(
                "models_held",
                detail="learning is frozen: what was said since does not count until it goes on",
            )
        self._held = held
        serving = Wish(version, 0.0, models.announced.get(version), models.stages.get(SERVING))
        wanted = Wish(OWN)
        if trial is not None:
            wanted = Wish(trial.model, trial.share, models.announced.get(trial.model), trial)
        before = models.version(PREVIOUS)
        named = {version, wanted.version, before}
        self._loaded = {name: one for name, one in self._loaded.items() if name in named}
        previous = Wish(OWN)
        if before not in (version, wanted.version):
            previous = Wish(before, 0.0, models.announced.get(before))
        for stage, wish in ((SERVING, serving), (CANDIDATE, wanted), (PREVIOUS, previous)):
            if wish != self._wishes[stage]:
                self._wishes[stage] = wish
                self._begin(stage, wish)

    async def settled(self) -> None:
        """Wait until everything was tried once."""
        for looked in tuple(self._looked.values()):
            await looked.wait()

    async def close(self) -> None:
        """Load nothing any more."""
        tasks = tuple(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _begin(self, stage: str, wish: Wish) -> None:
        if (before := self._tasks.pop(stage, None)) is not None:
            before.cancel()  # its thread runs on, and nobody wants what it finds
        self._looked.pop(stage, None)
        self.refusing.discard(stage)
        known = self._own if wish.version == OWN else self._loaded.get(wish.version)
        if known is not None:
            self._put(stage, wish, known)
            return
        if stage == CANDIDATE:
            self.candidate = (
                None  # whoever was on trial has no stage any more: it may have been dropped as worse
            )
        looked = asyncio.Event()
        if stage != PREVIOUS:  # which only lies ready for a rollback: nothing waits for it
            self._looked[stage] = looked
        self._tasks[stage] = asyncio.create_task(self._fetch(stage, wish, looked))

    async def _fetch(self, stage: str, wish: Wish, looked: asyncio.Event) -> None:
        pause, told = self._retry, False
        try:
            while True:
                try:
                    labeller = await asyncio.to_thread(self._load, _announced(wish))
                    break
                except Unreachable as error:
                    if not told:
                        self._refuse(stage, wish, error, again=pause)
                    told = True
                    looked.set()
                    await asyncio.sleep(pause)
                    pause = min(2 * pause, RETRY_MOST)
                except Exception as error:  # noqa: BLE001  # whatever a model breaks: the worker lives, and labels by the one before
                    self._refuse(stage, wish, error)
                    return
            self.refusing.discard(stage)
            self._loaded[wish.version] = labeller
            self._put(stage, wish, labeller)
            await self._changed()
        finally:
            looked.set()

    def _put(self, stage: str, wish: Wish, labeller: IntentLabeller) -> None:
        if stage == PREVIOUS:
            return
        if stage == SERVING:
            if labeller is not self.labeller:
                log.warning("model_in_force", model=labeller.version, before=self.labeller.version)
            self.labeller = labeller
            return
        self.candidate = None if wish.version == OWN else Candidate(labeller=labeller, share=wish.share)
        log.info("model_on_trial", model="" if self.candidate is None else labeller.version, share=wish.share)

    def _refuse(self, stage: str, wish: Wish, error: Exception, *, again: float | None = None) -> None:
        stays = self.labeller.version if stage == SERVING else ""
        log.error(
            "model_refused",
            stage=stage,
            model=wish.version[:80],
            because=str(error)[:1000],
            stays=stays,
            tried_again_in=again,
        )
        self.refusing.add(stage)
        self._refused(stage)


def load_published(
    update: ModelUpdate, taxonomy: Taxonomy, embed: Embed, *, registry: str | None = None
) -> IntentLabeller:
    """The local tiers over a published model, checked in every way that shows before the first message. Blocks: some seconds.

    Raises:
        Unusable: it is not there or damaged, is another one, was taught another taxonomy, or does not lie in `registry`.
        Unreachable: the registry does not answer.
    """
    with tempfile.TemporaryDirectory(prefix="frontdesk-model-") as folder:
        place = fetch(update.uri, update.sha256, Path(folder), registry=registry)
        try:
            model = load_model(place)
            if model.version != update.model:
                raise Unusable(f"{update.uri} holds the model {model.version}, not {update.model[:80]}")
            if model.taxonomy_hash != taxonomy.hash:
                raise Unusable(
                    f"{update.uri} was taught the taxonomy {model.taxonomy_hash}, and messages are labelled by {taxonomy.hash}: "
                    "train it anew on this one"
                )
            labeller = trained(taxonomy, model, embed)
        except StartupError as error:
            raise Unusable(str(error).replace("FRONTDESK_MODEL: ", "").replace(folder, update.uri)) from None
    for said in labeller.explain(_TRIED):
        if not all(math.isfinite(one.confidence) for one in said):
            raise Unusable(f"{update.uri}: its confidences are no numbers")
    labeller.label(_TRIED)
    return labeller


def _announced(wish: Wish) -> ModelUpdate:
    """
    Raises:
        Unusable: the model was never announced, or as another one than the stage names.
    """
    if wish.announced is None:
        raise Unusable(f"{wish.version[:80]} was never announced: frontdesk learn register FOLDER")
    said = wish.said
    if said is not None and said.model == wish.version and said.sha256 != wish.announced.sha256:
        raise Unusable(f"{wish.version[:80]} was announced with another digest than its stage names")
    return wish.announced
