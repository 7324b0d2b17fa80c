"""The real Kafka of the tests does to itself what tests of failures rely on."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import kafka as support
from tests.support.clients import make_topic, produce, read_all
from tests.support.kafka import KafkaServer, MissingToolError, fetch_jars, find_java


@pytest.mark.kafka
@pytest.mark.slow
async def test_keeps_its_data_over_kill_and_restart(kafka: KafkaServer) -> None:
    await make_topic(kafka.bootstrap, "t")
    await produce(kafka.bootstrap, "t", [(b"k", b"kept")])
    before = kafka.pid
    kafka.kill()
    assert kafka.pid is None
    kafka.start()
    assert kafka.pid not in (None, before)
    assert [record.value for record in await read_all(kafka.bootstrap, "t")] == [b"kept"]


def test_says_which_tool_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(MissingToolError, match="install openjdk-17-jre-headless"):
        find_java()
    with pytest.raises(MissingToolError, match="install maven"):
        fetch_jars(tmp_path / "none")


def test_an_old_java_is_not_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    java.write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\" 2019-01-15' >&2\n")
    java.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    monkeypatch.setattr(support.shutil, "which", lambda _: None)
    with pytest.raises(MissingToolError, match="is version 11"):
        find_java()
