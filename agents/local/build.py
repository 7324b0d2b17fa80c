"""Which local tiers a worker has."""

from __future__ import annotations

from pathlib import Path

from frontdesk.agents.embedding import Embed, EmbeddingLabeller
from frontdesk.agents.errors import StartupError
from frontdesk.agents.local.model import LocalModel, load_model
from frontdesk.agents.local.moods import load_moods
from frontdesk.agents.local.remembering import Remembering
from frontdesk.streams.ports import IntentLabeller
from frontdesk.streams.taxonomy import Taxonomy

NEEDS_LEARN = "needs scikit-learn, which is not installed: pip install 'frontdesk[learn]'"


def build_local(taxonomy: Taxonomy, folder: Path | None, embed: Embed) -> IntentLabeller:
    """The local tiers: trained, where the folder of a model is named; by the taxonomy's own words where none is.

    Raises:
        StartupError: the model cannot be read, or does not fit the taxonomy.
    """
    if folder is None:
        return Remembering(EmbeddingLabeller(taxonomy, embed, load_moods()))
    return trained(taxonomy, load_model(folder), embed)


def trained(taxonomy: Taxonomy, model: LocalModel, embed: Embed) -> IntentLabeller:
    """The local tiers over a trained model.

    Raises:
        StartupError: the model does not fit the taxonomy, or scikit-learn is missing.
    """
    try:
        from frontdesk.agents.local.cascade import Cascade
    except ImportError:
        raise StartupError(f"FRONTDESK_MODEL {NEEDS_LEARN}") from None
    return Remembering(Cascade(taxonomy, model, embed))
