"""Drafting: the LLM is asked for the words of a reply, and what it says is published where it stands on the same grounds.

The suggestion is published before anybody is asked, so that nothing waits for a draft and nothing is lost without one. A draft leaves
nothing in the state but what it cost: no decision depends on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from frontdesk.schemas.outputs import Decision, Ground, Suggestion
from frontdesk.schemas.state import Conversation, Turn, Waiting
from frontdesk.schemas.types import Millis
from frontdesk.streams.admit import CUSTOMER
from frontdesk.streams.batch import Drafted
from frontdesk.streams.budget import Till
from frontdesk.streams.drafts import fault
from frontdesk.streams.effects import Draft
from frontdesk.streams.history import is_current
from frontdesk.streams.limits import Limits
from frontdesk.streams.outbox import Outbox
from frontdesk.streams.overlay import Overlay, undecided
from frontdesk.streams.ports import Llm
from frontdesk.streams.publish import Publisher
from frontdesk.streams.redact import plain_locale, redact
from frontdesk.streams.remember import conversation_of
from frontdesk.streams.shop import Shop
from frontdesk.streams.state import customer_key
from frontdesk.streams.suggest import WORDLESS

LLM = "llm"
"""source of a drafted reply"""
REVISION = 2
"""of a suggestion whose reply was drafted: one, since each decision is drafted for once"""
ORDER = "[ORDER]"
"""in place of an order's id, which is nobody's business outside"""


class Drafting:
    """The drafts of one step."""

    __slots__ = (
        "_asked",
        "_limits",
        "_llm",
        "_now",
        "_outbox",
        "_overlay",
        "_publisher",
        "_shop",
        "_till",
        "on",
    )

    def __init__(
        self, *, shop: Shop, limits: Limits, llm: Llm, overlay: Overlay, outbox: Outbox, now: Millis
    ) -> None:
        self.on = limits.llm_replies and limits.llm_enabled
        """whether anybody is asked"""
        self._shop = shop
        self._limits = limits
        self._llm = llm
        self._overlay = overlay
        self._outbox = outbox
        self._publisher = Publisher(outbox)
        self._till = Till(budget=limits.budget, accounts=overlay, now=now)
        self._now = now
        self._asked = 0

    def ask(self, suggestion: Suggestion, decision: Decision, entry: Waiting, turns: Sequence[Turn]) -> None:
        """Ask for the reply of a suggestion that was published just now, where a draft can be of use and there is money for it.

        None is asked for what goes out by itself, for a message without words, or for one without a conversation. `turns` are
        those before it.
        """
        message = entry.message
        if suggestion.automatic or not suggestion.reply or {"misplaced", *WORDLESS} & set(decision.flags):
            return
        if self._now - message.sent_at > self._limits.llm_backlog_ms:
            self._outbox.count("draft_skipped_backlog")
            return
        if self._asked == self._limits.drafts:
            self._outbox.count("draft_skipped_flood")
            return
        text = redact(message.text or "")
        facts, reply = _sendable(suggestion)
        draft = Draft(
            customer=customer_key(decision.tenant_id, decision.customer_id),
            suggestion=suggestion,
            received_at=decision.received_at,
            tenant_id=decision.tenant_id,
            text=text,
            turns=tuple(turns[-self._limits.draft_turns :]),
            locale=plain_locale(message.locale),
            local=entry.local,
            facts=facts,
            reply=reply,
            give_up_at=Millis(self._now + self._limits.draft_within_ms),
            traceparent=entry.traceparent,
        )
        if self._limits.budget.bounded:
            most = self._llm.most(draft)
            reserved = self._till.reserve(decision.tenant_id, most, urgent=False)
            if reserved is None:
                self._outbox.count("draft_over_budget")
                return
            draft = replace(draft, reserved=reserved, max_cost_usd=most)
        self._asked += 1
        self._outbox.draft(draft)

    def take(self, one: Drafted) -> None:
        """Publish a draft as the second revision of its suggestion: if it claims nothing that the grounds do not, and the
        customer still waits for an answer to the same message, the last of the conversation, with nobody assigned."""
        draft, suggestion = one.draft, one.draft.suggestion
        if draft.reserved is not None and not one.cut_off:
            cost = 0.0 if one.usage is None else one.usage.cost_usd
            self._till.settle(draft.tenant_id, draft.reserved, cost)
        reply = (one.reply or "").strip()
        if one.reply is None:
            self._outbox.count("draft_failed")
        elif reply == suggestion.reply or not self._wanted(draft):
            self._outbox.count("draft_dropped")
        elif fault(reply, suggestion, said=_said(draft), shop=self._shop) is not None:
            self._outbox.count("draft_unfounded")
        else:
            self._outbox.count("draft_published")
            self._publisher.suggestion(
                replace(
                    suggestion,
                    revision=REVISION,
                    source=LLM,
                    reply=reply,
                    automatic=False,
                    suggested_at=self._now,
                ),
                draft.traceparent,
            )

    def _wanted(self, draft: Draft) -> bool:
        """Whether what the draft was made for still is how the conversation stands."""
        suggestion = draft.suggestion
        customer = self._overlay.customer(draft.customer)
        conversation = conversation_of(customer, suggestion.conversation_id)
        return (
            customer is not None
            and conversation is not None
            and conversation.waiting_since is not None
            and is_current(customer, conversation, suggestion.decision_id, draft.received_at)
            and _has_last_word(conversation)
            and not any(
                undecided(entry) and entry.message.conversation_id == suggestion.conversation_id
                for entry in self._overlay.waiting(draft.customer).values()
            )
        )


def _has_last_word(conversation: Conversation) -> bool:
    """Whether nobody, a bot neither, has spoken since the customer. What they said last is what the latest decision is about."""
    return [turn.role for turn in conversation.turns[-1:]] == [CUSTOMER]


def _said(draft: Draft) -> tuple[str, ...]:
    """The customer's own words, redacted."""
    return (*(turn.text for turn in draft.turns if turn.role == CUSTOMER), draft.text)


def _sendable(suggestion: Suggestion) -> tuple[tuple[Ground, ...], str]:
    """Grounds and reply as they may leave the process: products and orders numbered through, no order's id."""
    reply = suggestion.reply or ""
    facts: list[Ground] = []
    numbers: dict[str, int] = {}
    for ground in suggestion.grounds:
        kind, _, rest = ground.name.partition(".")
        which, _, what = rest.rpartition(".")
        number = numbers.setdefault(f"{kind}.{which}", len(numbers) + 1)
        value = ground.value
        if what == "order":
            reply, value = reply.replace(value, ORDER), ORDER
        facts.append(Ground(name=f"{kind}.{number}.{what}", value=value))
    return tuple(facts), reply
