"""Which policy a worker decides by: its own, or the one that was published; and which one shadows it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from frontdesk.agents.kafka.policies import Published, shadow_of
from frontdesk.schemas.broadcast import PolicyUpdate
from frontdesk.streams.policy import Policy, load_pack
from frontdesk.streams.shadow import Shadow
from frontdesk.streams.taxonomy import Taxonomy

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Rulebook:
    """Compiles what is published, once, beside the event loop. What cannot be used is refused aloud, and what was in force stays."""

    own: Policy
    """the worker's, in force while none is published"""
    policy: Policy
    """in force; at first the one that the worker is built with, whose taxonomy every other must have"""
    refused: Callable[[str], None] = lambda switch: None
    """told of each refusal: `policy` or `policy.shadow`"""
    shadow: Shadow | None = field(default=None, init=False)
    refusing: set[str] = field(default_factory=set, init=False)
    """switches that name now what cannot be used"""
    _taxonomy: str = field(init=False)
    _asked: dict[str, tuple[PolicyUpdate | None, str | None]] = field(default_factory=dict, init=False)
    """what was looked at, by switch: the switch and the record that it names"""

    def __post_init__(self) -> None:
        self._taxonomy = self.policy.taxonomy.hash

    async def follow(self, published: Published) -> None:
        """Go by what the switches name now. What was refused is looked at again when its record or the switch is published anew."""
        if self._is_new("policy", published.in_force, published):
            await self._put_in_force(published, _value(published.in_force))
        if self._is_new("policy.shadow", published.shadow, published):
            await self._put_in_shadow(published, _value(published.shadow))

    def _is_new(self, switch: str, update: PolicyUpdate | None, published: Published) -> bool:
        digest = _value(update).partition(" ")[0]
        asked = update, published.bodies.get(digest)
        before = self._asked.get(switch, (None, None))
        self._asked[switch] = asked
        return asked != before

    async def _put_in_force(self, published: Published, digest: str) -> None:
        try:
            policy = await self._policy(published, digest)
        except Exception as error:  # noqa: BLE001  # whatever a policy breaks: the worker lives, and decides by the one before
            self._refuse("policy", digest, error, stays=self.policy.hash)
            return
        log.warning("policy_in_force", policy=policy.hash, before=self.policy.hash)
        self.policy = policy
        self.refusing.discard("policy")

    async def _put_in_shadow(self, published: Published, value: str) -> None:
        try:
            named = shadow_of(value)
            shadow = None
            if named is not None:
                shadow = Shadow(policy=await self._policy(published, named[0]), share=named[1])
        except Exception as error:  # noqa: BLE001  # as above
            self._refuse(
                "policy.shadow", value, error, stays="" if self.shadow is None else self.shadow.policy.hash
            )
            return
        log.info("policy_in_shadow", policy=None if shadow is None else shadow.policy.hash)
        self.shadow = shadow
        self.refusing.discard("policy.shadow")

    async def _policy(self, published: Published, digest: str) -> Policy:
        """
        Raises:
            Exception: it cannot be used here.
        """
        known = [one for one in (self.own, self.policy) if one.hash == (digest or self.own.hash)]
        policy = known[0] if known else (await asyncio.to_thread(load_pack, published.files(digest)))[1]
        if policy.hash != (digest or self.own.hash):
            raise ValueError(f"its files have the hash {policy.hash}: it was published by another version")
        if policy.taxonomy.hash != self._taxonomy:
            # The labellers, the prompt and the cache are made for one taxonomy.
            raise ValueError("its taxonomy is not the one that this worker started with: restart the worker")
        return policy

    def _refuse(self, switch: str, value: str, error: Exception, *, stays: str) -> None:
        log.error("policy_refused", switch=switch, value=value[:80], because=str(error)[:1000], stays=stays)
        self.refusing.add(switch)
        self.refused(switch)


def _value(update: PolicyUpdate | None) -> str:
    return "" if update is None else update.body.strip()


def begin_with(own: tuple[Taxonomy, Policy], published: Published) -> tuple[Taxonomy, Policy]:
    """What a worker is built with: its own taxonomy and policy, unless the published policy in force has another taxonomy.

    With the same taxonomy it is put in force later, as it would be while the worker runs.
    """
    digest = "" if published.in_force is None else published.in_force.body.strip()
    if not digest or digest == own[1].hash:
        return own
    try:
        pack = load_pack(published.files(digest))
        if pack[1].hash != digest:
            raise ValueError(f"its files have the hash {pack[1].hash}: it was published by another version")
    except Exception as error:  # noqa: BLE001  # as above; told again, and counted, once the worker follows the topic
        log.error(
            "policy_refused", switch="policy", value=digest, because=str(error)[:1000], stays=own[1].hash
        )
        return own
    return own if pack[0].hash == own[0].hash else pack
