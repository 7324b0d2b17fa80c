"""The types a record may be made of, and how each is written in Avro.

=====================  =======================================================
Python                 Avro
=====================  =======================================================
``str``                ``string``
``int``                ``long``
``Millis``             ``long`` with ``logicalType: timestamp-millis``
``float``              ``double``
``bool``               ``boolean``
``bytes``              ``bytes``
``Scalar``             ``["null", "boolean", "long", "double", "string"]``
``T | None``           ``["null", T]``, default ``null``
``tuple[T, ...]``      ``array``
``Mapping[str, T]``    ``map``
a record               ``record``
=====================  =======================================================
"""

from __future__ import annotations

from typing import NewType

Millis = NewType("Millis", int)
"""Milliseconds since the Unix epoch, UTC. 0 means: not given."""
MINUTE_MS = 60_000
DAY_MS = 86_400_000

Scalar = bool | int | float | str | None
"""The value of a fact."""


class Record:
    """Base of everything on the wire: frozen, slotted dataclasses with keyword-only fields.

    The first line of a record's docstring becomes the Avro ``doc``; the Avro name is the class name, the
    namespace ``frontdesk``.
    """

    __slots__ = ()
