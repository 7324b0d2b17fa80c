"""The audit trail: who looked at what must not be looked at unseen. Written before anything is shown."""

from __future__ import annotations

import getpass
import json
import os
import socket
import sys
from datetime import UTC, datetime

from frontdesk.agents.errors import StartupError
from frontdesk.agents.settings import Settings

_NEW_FILE = 0o600


def record(settings: Settings, event: str, **what: object) -> None:
    """One line of JSON, appended to FRONTDESK_AUDIT_FILE and on disk when this returns; without such a file, to stderr.

    It holds who (the user here, and the principal that the brokers know), where, when, and `what`; never what was read.

    Raises:
        StartupError: it cannot be written. The caller shows nothing then.
    """
    entry = {
        "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "event": event,
        "user": _user(),
        "host": socket.gethostname(),
        "principal": settings.cluster.principal,
        "broker": settings.broker,
        **what,
    }
    line = json.dumps(entry, ensure_ascii=False, default=str) + "\n"
    path = settings.audit_file
    if path is None:
        sys.stderr.write(line)
        sys.stderr.flush()
        return
    try:
        # One write of an append: lines of commands that run at once do not mix.
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, _NEW_FILE)
        try:
            os.write(handle, line.encode())
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        raise StartupError(
            f"FRONTDESK_AUDIT_FILE: cannot write {path}: {error.strerror or error}; without it nothing is shown"
        ) from None


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user often has no name
        return str(os.getuid())
