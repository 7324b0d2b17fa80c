"""Whether the process in this container answers /live: `python healthcheck.py [PORT]`. Exit code 0 or 1. Needs nothing installed.

Where it listens is said by the variables that it has itself; the port may be given for a learner, which has one of its own.
"""

import http.client
import os
import sys

TIMEOUT = 4.0
"""seconds: less than Docker's, so that the reason is told"""


def main(arguments: list[str]) -> int:
    """Ask, and say what is wrong."""
    host = os.environ.get("FRONTDESK_HTTP_HOST", "127.0.0.1")
    port = int(arguments[0] if arguments else os.environ.get("FRONTDESK_HTTP_PORT", "9108"))
    if host in ("", "0.0.0.0", "::"):  # noqa: S104  # not bound here: every address is also this one
        host = "127.0.0.1"
    connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT)
    try:
        connection.request("GET", "/live")
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        print(f"http://{host}:{port}/live: {error or type(error).__name__}", file=sys.stderr)
        return 1
    finally:
        connection.close()
    if status != 200:
        print(f"http://{host}:{port}/live: {status}", file=sys.stderr)
    return 0 if status == 200 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
