"""Trust: what people have decided about sources, in a file beside the dataset: `FOLDER/sources.json`."""

from __future__ import annotations

import json
from pathlib import Path

from frontdesk.agents.errors import StartupError
from frontdesk.agents.learning.sources import Trust
from frontdesk.agents.learning.tables import replacing

_FILE = "sources.json"


def read_trust(folder: Path) -> Trust:
    """What was decided in a folder; nothing where there is no file.

    Raises:
        StartupError: the file is not readable, or is none of these.
    """
    path = folder / _FILE
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        return Trust(
            trusted=frozenset(map(str, told["trusted"])), distrusted=frozenset(map(str, told["distrusted"]))
        )
    except FileNotFoundError:
        return Trust()
    except (OSError, ValueError, KeyError, TypeError):
        raise StartupError(
            f'{path}: has to be {{"trusted": [names], "distrusted": [names]}}; mend it, or remove it'
        ) from None


def decide(folder: Path, *, trusted: frozenset[str], distrusted: frozenset[str]) -> Trust:
    """Trust, or distrust, some names from now on.

    Raises:
        StartupError: the file cannot be read or written.
    """
    before = read_trust(folder)
    after = Trust(
        trusted=(before.trusted - distrusted) | trusted,
        distrusted=(before.distrusted - trusted) | distrusted,
    )
    told = {"trusted": sorted(after.trusted), "distrusted": sorted(after.distrusted)}
    with replacing(folder / _FILE) as partial:
        partial.write_text(json.dumps(told, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return after
