"""Models on their topic: each announced under its version, for good, and records that say which one has a stage.

::

    key model:<version>   where it lies, and the digest that it must have
    key stage:serving     which one labels; nothing: each worker's own
    key stage:candidate   which one is on trial, and for what share of the customers; nothing: none
    key stage:previous    which one labelled before: what a rollback goes back to, and what counts while learning is frozen
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from frontdesk.agents.errors import StartupError
from frontdesk.agents.kafka.broadcast_topics import publish_broadcast, read_broadcast
from frontdesk.agents.kafka.cluster import Cluster
from frontdesk.schemas.broadcast import ModelUpdate
from frontdesk.schemas.topics import ROUTING_MODELS
from frontdesk.schemas.types import Millis

MODEL, STAGE = "model", "stage"
"""kinds of records"""
SERVING, CANDIDATE, PREVIOUS = STAGES = ("serving", "candidate", "previous")
OWN = ""
"""the model of each worker: FRONTDESK_MODEL, or the taxonomy's own words"""


@dataclass(slots=True)
class Models:
    """What the topic says, as of a moment."""

    announced: dict[str, ModelUpdate] = field(default_factory=dict)
    """by version"""
    stages: dict[str, ModelUpdate] = field(default_factory=dict)
    """by stage; one that was never given is left out"""

    def take(self, update: ModelUpdate) -> bool:
        """Take up a record of the topic; whether it says anything."""
        if update.kind == MODEL and update.model:
            self.announced[update.model] = update
        elif update.kind == STAGE and update.stage in STAGES:
            self.stages[update.stage] = update
        else:
            return False
        return True

    def version(self, stage: str) -> str:
        """Which model has a stage; `OWN` where nobody has it."""
        given = self.stages.get(stage)
        return OWN if given is None else given.model

    def known(self, version: str) -> ModelUpdate:
        """The announcement of a model.

        Raises:
            ValueError: there is none.
        """
        if version not in self.announced:
            raise ValueError(f"no model {version[:80]!r} was announced: frontdesk learn register FOLDER")
        return self.announced[version]

    def serving(self, frozen_since: Millis | None = None) -> str:
        """Which model labels. What was said while learning was frozen does not count until it goes on, but for a rollback."""
        now = self.stages.get(SERVING)
        if now is None or frozen_since is None or now.at < frozen_since or self.is_rollback(now.model):
            return self.version(SERVING)
        return self.version(PREVIOUS)

    def candidate(self, frozen_since: Millis | None = None) -> ModelUpdate | None:
        """Which model is on trial; the end of a trial always counts."""
        now = self.stages.get(CANDIDATE)
        if now is None or not now.model or (frozen_since is not None and now.at >= frozen_since):
            return None
        return now

    def before(self) -> str | None:
        """Which model a rollback goes back to; None: there is nothing, or that was gone back from or to already."""
        if PREVIOUS not in self.stages or not self.is_earlier(self.version(PREVIOUS), self.version(SERVING)):
            return None
        return None if self.version(PREVIOUS) == self.version(SERVING) else self.version(PREVIOUS)

    def is_rollback(self, version: str) -> bool:
        """Whether a model was there before the one that labelled last."""
        return self.is_earlier(version, self.version(PREVIOUS))

    def is_earlier(self, version: str, other: str) -> bool:
        """Whether a model was announced before another; what each worker has of its own was there before all."""
        this, that = self.announced.get(version), self.announced.get(other)
        return version == OWN or (this is not None and that is not None and this.at < that.at)


def version_in(model_version: str) -> str:
    """The version of a registered model as decisions and label records name it; `OWN` where the labels are of the taxonomy's own words."""
    kind, dash, rest = model_version.partition("-")
    return rest.partition("/")[0] if (kind, dash) == ("local", "-") else OWN


async def announce(cluster: Cluster, model: ModelUpdate) -> None:
    """Say where a model lies. It has no stage by that.

    Raises:
        StartupError: no broker, the topic does not exist, or the broker refuses the record.
    """
    await publish_models(cluster, [replace(model, kind=MODEL, stage="", share=0.0)])


async def put_on_trial(
    cluster: Cluster, models: Models, version: str, *, share: float, because: str, now: Millis
) -> None:
    """Make a model the candidate, for a share of the customers; share 0: in the shadow. `OWN` ends the trial.

    Raises:
        StartupError: as `announce`.
        ValueError: it was never announced.
    """
    await publish_models(cluster, [trial(models, version, share=share, because=because, now=now)])


async def promote(cluster: Cluster, models: Models, version: str, *, because: str, now: Millis) -> None:
    """Let a model label everything. What labelled before can be gone back to; a trial of the same model is over.

    Raises:
        StartupError, ValueError: as `put_on_trial`.
    """
    await publish_models(cluster, promotion(models, version, because=because, now=now))


async def roll_back(cluster: Cluster, models: Models, *, because: str, now: Millis) -> str:
    """Let the model label that labelled before the one in force. Its version.

    Raises:
        StartupError: as `announce`; or nothing labelled before.
    """
    if PREVIOUS not in models.stages:
        raise StartupError("no model was promoted yet: each worker labels by its own FRONTDESK_MODEL")
    before = models.version(PREVIOUS)
    if models.before() is None:
        # Asked for twice, it would bring back what was to go.
        raise StartupError(
            f"the model that labelled before was {before or 'each worker’s own'}, and it has been gone back from or to: "
            "name the one that you want: frontdesk learn promote VERSION"
        )
    await promote(cluster, models, before, because=because, now=now)
    return before


def trial(models: Models, version: str, *, share: float, because: str, now: Millis) -> ModelUpdate:
    """The record that `put_on_trial` publishes.

    Raises:
        ValueError: the model was never announced.
    """
    return _stage(models, CANDIDATE, version, share=share, because=because, now=now)


def promotion(models: Models, version: str, *, because: str, now: Millis) -> list[ModelUpdate]:
    """The records that `promote` publishes, in order.

    Raises:
        ValueError: the model was never announced.
    """
    updates = [_stage(models, SERVING, version, because=because, now=now)]
    before = models.version(SERVING)
    if before != version:
        updates.insert(0, _stage(models, PREVIOUS, before, because=because, now=now))
    if version and models.version(CANDIDATE) == version:
        updates.append(_stage(models, CANDIDATE, OWN, because=because, now=now))
    return updates


async def publish_models(cluster: Cluster, updates: Sequence[ModelUpdate]) -> None:
    """Publish records about models, in order, and wait for the broker's acknowledgement.

    Raises:
        StartupError: as `announce`.
    """
    await publish_broadcast(cluster, ROUTING_MODELS, [(key_of(update), update) for update in updates])


def key_of(update: ModelUpdate) -> bytes:
    """The key of a record: compaction keeps the latest of each."""
    return f"{update.kind}:{update.stage if update.kind == STAGE else update.model}".encode()


async def read_models(cluster: Cluster) -> Models:
    """All models that were announced, and who has which stage.

    Raises:
        StartupError: no broker, or no topic.
    """
    found = Models()
    async for update in read_broadcast(cluster, ROUTING_MODELS, ModelUpdate):
        found.take(update)
    return found


def full_version(models: Models, start: str) -> str:
    """The announced version that begins so.

    Raises:
        StartupError: none does, or several do.
    """
    found = [version for version in models.announced if version.startswith(start)]
    if len(found) != 1:
        what = "no announced model has" if not found else f"{len(found)} announced models have"
        raise StartupError(f"{what} a version that begins with {start!r}; see: frontdesk learn status")
    return found[0]


def _stage(
    models: Models, stage: str, version: str, *, because: str, now: Millis, share: float = 0.0
) -> ModelUpdate:
    if not version:
        return ModelUpdate(model=OWN, uri="", sha256="", kind=STAGE, stage=stage, because=because, at=now)
    return replace(models.known(version), kind=STAGE, stage=stage, share=share, because=because, at=now)
