"""The audit trail: who looked at what must not be looked at unseen. Written before anything is shown."""

from __future__ import annotations

import errno
import fcntl
import getpass
import json
import os
import socket
import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

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
        # What of a command line is no text is written as JSON escapes it.
        _append(path, line.encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise StartupError(
            f"FRONTDESK_AUDIT_FILE: cannot write {path}: {error.strerror or error}; without it nothing is shown"
        ) from None


def _append(path: Path, line: bytes) -> None:
    """All of the line, or an error and none of it. Lines of commands that run at once do not mix."""
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, _NEW_FILE)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        before = os.fstat(handle).st_size
        if os.write(handle, line) < len(line):  # a full disk takes what it can, and that is no error
            with suppress(OSError):  # a file that may only grow keeps the half line
                os.ftruncate(handle, before)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(handle)
    finally:
        os.close(handle)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user often has no name
        return str(os.getuid())
