"""Which licences what we are installed with may have. A new one fails `make audit` until somebody has read it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from importlib import metadata

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

EXTRAS = ("embedded", "state", "learn", "backtest")
"""what a user may install; not what only developers do"""

ALLOWED = frozenset(
    {
        "0BSD",
        "Apache-2.0",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "BSD",
        "CC0-1.0",
        "ISC",
        "MIT",
        "MPL-2.0",
        "PSF-2.0",
        "Zlib",
    }
)
"""by their SPDX names; BSD where a package does not say of how many clauses"""

EXCEPTIONS: Mapping[str, tuple[str, str]] = {
    "python-stdnum": ("LGPL-2.1-or-later", "used as a library, unchanged; users can replace it"),
    "venusian": ("Repoze", "a BSD licence with a clause on trademarks; comes with Faust"),
}
"""package → its licence, and why it is allowed all the same"""

_SPELLINGS: Mapping[str, str] = {
    "apache 2": "Apache-2.0",
    "apache 2.0": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "apache license, version 2.0": "Apache-2.0",
    "apache software license": "Apache-2.0",
    "bsd license": "BSD",
    "gnu lesser general public license v2 or later (lgplv2+)": "LGPL-2.1-or-later",
    "isc license (iscl)": "ISC",
    "mit license": "MIT",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
    "python software foundation license": "PSF-2.0",
    "repoze public license": "Repoze",
}


def closure(root: str, extras: Iterable[str]) -> dict[str, metadata.Distribution]:
    """What is installed of a distribution's requirements, with these extras, and of theirs; by canonical name, without itself."""
    asked: dict[str, set[str]] = {}
    found: dict[str, metadata.Distribution] = {}
    todo = [(canonicalize_name(root), frozenset(extras))]
    while todo:
        name, wanted = todo.pop()
        if name in asked and wanted <= asked[name]:
            continue
        asked.setdefault(name, set()).update(wanted)
        try:
            found[name] = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue  # an extra's that is not installed here
        for text in found[name].requires or ():
            requirement = Requirement(text)
            if requirement.marker is None or any(
                requirement.marker.evaluate({"extra": extra}) for extra in ("", *asked[name])
            ):
                todo.append((canonicalize_name(requirement.name), frozenset(requirement.extras)))
    found.pop(canonicalize_name(root), None)
    return dict(sorted(found.items()))


def licence(about: Mapping[str, str], classifiers: Iterable[str]) -> str:
    """What a package says its licence is, as an SPDX expression as far as we know how to say it; "unknown" if it says nothing."""
    expression = about.get("License-Expression")
    if expression:
        return expression
    named = [one.rpartition(" :: ")[2] for one in classifiers if one.startswith("License ::")]
    if not named:
        lines = (about.get("License") or "").strip().splitlines()
        named = [lines[0].strip()] if lines else []
    return " AND ".join(_SPELLINGS.get(one.lower(), one) for one in named) or "unknown"


def allowed(name: str, expression: str) -> bool:
    """Whether the licence is on the list, or this package an exception with exactly this one."""
    exception = EXCEPTIONS.get(name)
    if exception is not None:
        return exception[0] == expression
    return all(
        any(choice.strip("() ") in ALLOWED for choice in re.split(r" OR ", part))
        for part in re.split(r" AND ", expression)
    )


def listing(found: Mapping[str, metadata.Distribution]) -> dict[str, tuple[str, str]]:
    """Version and licence of each package."""
    return {
        name: (
            one.version,
            licence(dict(one.metadata.items()), one.metadata.get_all("Classifier") or ()),
        )
        for name, one in found.items()
    }


def problems(listed: Mapping[str, tuple[str, str]]) -> list[str]:
    """What is not allowed, and exceptions that nothing needs any more."""
    out = [
        f"{name} {version} has the licence {expression!r}, which is not on the list: read it, then add it to ALLOWED or EXCEPTIONS in "
        "tests/packaging/licences.py, or do without the package"
        for name, (version, expression) in listed.items()
        if not allowed(name, expression)
    ]
    out += [
        f"{name} is not installed any more: take it out of EXCEPTIONS in tests/packaging/licences.py"
        for name in EXCEPTIONS
        if name not in listed
    ]
    return out
