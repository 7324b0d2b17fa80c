"""Which endpoint may see a message, and the file that says so."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from frontdesk.agents.errors import StartupError
from frontdesk.agents.llm.client import read_routes
from frontdesk.agents.llm.endpoint import Endpoint, Routes
from frontdesk.agents.llm.prices import Price
from frontdesk.agents.settings import Settings
from tests.support.asks import ask

SECRET = "sk-of-the-mainland"


def _endpoint(name: str, **bound: tuple[str, ...]) -> Endpoint:
    return Endpoint(name=name, model="m", request_timeout=1.0, concurrency=1, **bound)


ROUTES = Routes(
    bound=(
        _endpoint("both", tenants=("acme",), locales=("zh",)),
        _endpoint("tenants", tenants=("acme", "globex")),
        _endpoint("locales", locales=("zh", "pt-BR")),
    ),
    default=_endpoint("rest"),
)


@pytest.mark.parametrize(
    ("tenant", "locale", "name"),
    [
        ("acme", "zh-CN", "both"),
        ("acme", "zh", "both"),
        ("acme", "en", "tenants"),
        ("globex", "zh-CN", "tenants"),
        ("initech", "zh_TW", "locales"),
        ("initech", "ZH-Hant-TW", "locales"),
        ("initech", "pt-BR", "locales"),
        ("initech", "pt-PT", "rest"),
        ("initech", "zhx", "rest"),
        ("initech", "en-GB", "rest"),
        ("ACME", "en", "rest"),
    ],
)
def test_the_first_that_fits_takes_it(tenant: str, locale: str, name: str) -> None:
    found = ROUTES.pick(replace(ask(), tenant_id=tenant, locale=locale))
    assert found is not None
    assert found.name == name


@pytest.mark.parametrize("locale", [None, ""])
def test_without_a_locale_the_language_of_the_message_counts(locale: str | None) -> None:
    plain = ask()
    chinese = replace(plain.local, language=replace(plain.local.language, value="zh"))
    english = replace(plain.local, language=replace(plain.local.language, value="en"))
    found = [ROUTES.pick(replace(plain, locale=locale, local=local)) for local in (chinese, english)]
    assert [endpoint and endpoint.name for endpoint in found] == ["locales", "rest"]


def test_what_is_bound_nowhere_goes_nowhere_without_a_default() -> None:
    assert replace(ROUTES, default=None).pick(ask()) is None


FILE = """\
endpoints:
  - name: mainland
    base_url: https://llm.example.cn/v1
    api_key_env: MAINLAND_KEY
    model: qwen-plus
    locales: [zh]
    price_in: 0.4
    price_out: 1.2
    requests_per_minute: 600
    tokens_per_minute: 200000
    concurrency: 64
    attempts: 3
  - name: acme
    base_url: http://127.0.0.1:8000/v1
    model: gpt-4.1-mini-2025-04-14
    tenants: acme
"""


def test_a_file_says_it_all(tmp_path: Path) -> None:
    path = tmp_path / "endpoints.yaml"
    path.write_text(FILE)
    settings = Settings(llm_endpoints=path, llm_concurrency=7, llm_timeout=3.0, llm_requests_per_minute=5)
    routes = read_routes(settings, {"MAINLAND_KEY": SECRET})
    assert routes.default is None
    assert routes.bound == (
        Endpoint(
            name="mainland",
            base_url="https://llm.example.cn/v1",
            api_key=SecretStr(SECRET),
            model="qwen-plus",
            locales=("zh",),
            price=Price(tokens_in=0.4, tokens_out=1.2),
            requests_per_minute=600,
            tokens_per_minute=200_000,
            concurrency=64,
            attempts=3,
            request_timeout=3.0,
        ),
        Endpoint(
            name="acme",
            base_url="http://127.0.0.1:8000/v1",
            model="gpt-4.1-mini-2025-04-14",
            tenants=("acme",),
            price=Price(tokens_in=0.4, tokens_out=1.6),
            concurrency=7,
            request_timeout=3.0,
        ),
    )
    assert SECRET not in repr(routes)


HEAD = "endpoints:\n  - name: a\n    base_url: https://a.example/v1\n    model: m\n"


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        ("endpoints: [a\n", "FILE:2:1: not YAML"),
        ("other: 1\n", "FILE:1:1: the file has no key 'other'"),
        ("endpoints:\n  - name: a\n", "FILE:2:5: an endpoint lacks 'base_url'; add it"),
        (HEAD, "FILE:2:5: nothing is bound to the endpoint; give tenants or locales"),
        (
            HEAD.replace("https://", "") + "    tenants: [t]\n",
            "FILE:3:15: base_url is no URL; write one such as https://llm.example/v1",
        ),
        (
            HEAD + "    tenants: [t]\n    api_key: sk-secret\n",
            "FILE:6:5: an endpoint has no key 'api_key'; did you mean 'api_key_env'?",
        ),
        (
            HEAD + "    tenants: [t]\n    api_key_env: sk-secret\n",
            "FILE:6:18: the variable that api_key_env names is not set; set it, put a file of its name into FRONTDESK_SECRETS, or leave api_key_env out",
        ),
        (
            HEAD + "    tenants: [t]\n    price_in: 1\n",
            "FILE:2:5: only one of price_in and price_out is given",
        ),
        (
            HEAD + "    tenants: [t]\n    price_in: -1\n    price_out: 1\n",
            "FILE:6:15: a price is below nothing",
        ),
        (HEAD + "    tenants: [t]\n    concurrency: 0\n", "FILE:6:18: concurrency is no whole number"),
        (HEAD + "    locales: [86]\n", "FILE:5:15: an item of locales is not a text"),
        (
            HEAD + "    tenants: [t]\n" + HEAD.removeprefix("endpoints:\n") + "    tenants: [u]\n",
            "FILE:6:5: there is an endpoint 'a' already; give it another name",
        ),
        (
            HEAD.replace("name: a", "name: default") + "    tenants: [t]\n",
            "FILE:2:5: there is an endpoint 'default'",
        ),
    ],
)
def test_a_wrong_file_is_refused_in_one_line_that_names_the_place(
    tmp_path: Path, text: str, refusal: str
) -> None:
    path = tmp_path / "endpoints.yaml"
    path.write_text(text)
    with pytest.raises(StartupError) as caught:
        read_routes(Settings(llm_endpoints=path), {})
    said = str(caught.value).replace(str(path), "FILE")
    assert said.startswith("FRONTDESK_LLM_ENDPOINTS: ")
    assert refusal in said
    assert "\n" not in said
    assert "sk-secret" not in said


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StartupError, match=r"FRONTDESK_LLM_ENDPOINTS: cannot read .*none\.yaml"):
        read_routes(Settings(llm_endpoints=tmp_path / "none.yaml"), {})


def test_the_default_endpoint_has_the_settings_price_before_the_tables() -> None:
    url = "http://127.0.0.1:1/v1"
    given = Settings(llm_base_url=url, llm_price_in=1.0, llm_price_out=2.0)
    prices = [
        endpoint.price
        for settings in (given, Settings(llm_base_url=url), Settings(llm_base_url=url, llm_model="my-own"))
        if (endpoint := read_routes(settings, {}).default) is not None
    ]
    assert prices == [
        Price(tokens_in=1.0, tokens_out=2.0),
        Price(tokens_in=0.15, tokens_out=0.6),
        Price(known=False),
    ]


def test_half_a_price_is_refused() -> None:
    with pytest.raises(StartupError, match="FRONTDESK_LLM_PRICE_IN, FRONTDESK_LLM_PRICE_OUT: only one"):
        read_routes(Settings(llm_base_url="http://127.0.0.1:1/v1", llm_price_in=1.0), {})
