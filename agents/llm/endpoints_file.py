"""The file that binds tenants and locales to endpoints of their own.

    endpoints:
      - name: mainland
        base_url: https://llm.example.cn/v1
        api_key_env: MAINLAND_LLM_KEY      # the variable, or the file in FRONTDESK_SECRETS, that holds the key; never the key itself
        model: qwen-plus
        locales: [zh]                      # zh, zh-CN, zh-TW, ...
        tenants: [acme]                    # with locales: both must fit
        price_in: 0.4                      # US dollars for a million tokens
        price_out: 1.2
        requests_per_minute: 600
        tokens_per_minute: 200000
        concurrency: 64
        attempts: 2

What is left out is as the settings have it for the default endpoint, but for price and rate limits, which are none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from pydantic import SecretStr

from frontdesk.agents.errors import StartupError
from frontdesk.agents.llm.endpoint import DEFAULT, Endpoint
from frontdesk.agents.llm.prices import UNKNOWN, Price, listed
from frontdesk.streams.yaml_fields import integer, items, mapping, number, string, strings
from frontdesk.streams.yaml_source import Node, PolicyError, Problems, read

_KEYS = (
    "name",
    "base_url",
    "api_key_env",
    "model",
    "tenants",
    "locales",
    "price_in",
    "price_out",
    "requests_per_minute",
    "tokens_per_minute",
    "concurrency",
    "attempts",
)
_MOST = 1_000_000_000


def read_endpoints(path: Path, usual: Endpoint, environment: Mapping[str, str]) -> tuple[Endpoint, ...]:
    """The endpoints of a file, in its order. `usual` has the bounds of those that give none.

    Raises:
        StartupError: with file and line of everything that is wrong.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise StartupError(
            f"FRONTDESK_LLM_ENDPOINTS: cannot read {path} ({type(error).__name__}); name a YAML file of endpoints"
        ) from None
    try:
        return _endpoints(text, str(path), usual, environment)
    except PolicyError as error:
        # Without the lines of the file: a key may stand in one, by mistake.
        raise StartupError(f"FRONTDESK_LLM_ENDPOINTS: {'; '.join(error.problems)}") from None


def _endpoints(
    text: str, source: str, usual: Endpoint, environment: Mapping[str, str]
) -> tuple[Endpoint, ...]:
    root, problems = read(text, source)
    listing = mapping(root, "the file", ("endpoints",), problems, required=("endpoints",)).get("endpoints")
    found: list[Endpoint] = []
    for node in items(listing, "endpoints", problems):
        endpoint = _endpoint(node, usual, environment, problems)
        if endpoint.name in (DEFAULT, *(other.name for other in found)):
            problems.add(node, f"there is an endpoint {endpoint.name!r} already", "give it another name")
        found.append(endpoint)
    problems.raise_if_any()
    return tuple(found)


def _endpoint(node: Node, usual: Endpoint, environment: Mapping[str, str], problems: Problems) -> Endpoint:
    required = ("name", "base_url", "model")
    fields = mapping(node, "an endpoint", _KEYS, problems, required=required)
    tenants = strings(fields.get("tenants"), "tenants", problems)
    locales = strings(fields.get("locales"), "locales", problems)
    if not tenants and not locales:
        problems.add(
            node,
            "nothing is bound to the endpoint",
            "give tenants or locales; FRONTDESK_LLM_BASE_URL takes the rest",
        )
    base_url = string(fields.get("base_url"), "base_url", problems) or ""
    if base_url and not base_url.startswith(("http://", "https://")):
        problems.add(fields["base_url"], "base_url is no URL", "write one such as https://llm.example/v1")

    def whole(name: str, otherwise: int | None) -> int | None:
        return integer(fields.get(name), name, problems, 1, _MOST) or otherwise

    model = string(fields.get("model"), "model", problems) or ""
    return replace(
        usual,
        name=string(fields.get("name"), "name", problems) or "",
        base_url=base_url,
        api_key=_key(fields.get("api_key_env"), environment, problems),
        model=model,
        tenants=tenants,
        locales=locales,
        price=_price(fields, model, node, problems),
        requests_per_minute=whole("requests_per_minute", None),
        tokens_per_minute=whole("tokens_per_minute", None),
        concurrency=whole("concurrency", None) or usual.concurrency,
        attempts=whole("attempts", None) or usual.attempts,
    )


def _key(node: Node | None, environment: Mapping[str, str], problems: Problems) -> SecretStr:
    name = string(node, "api_key_env", problems)
    if node is None or name is None:
        return SecretStr("")
    if not environment.get(name):
        # The name is not repeated: somebody may have written the key itself here.
        problems.add(
            node,
            "the variable that api_key_env names is not set",
            "set it, put a file of its name into FRONTDESK_SECRETS, or leave api_key_env out",
        )
    return SecretStr(environment.get(name, ""))


def _price(fields: Mapping[str, Node], model: str, node: Node, problems: Problems) -> Price:
    given = [fields.get(name) for name in ("price_in", "price_out")]
    dollars = [number(price, "a price", problems) for price in given]
    for price, value in zip(given, dollars, strict=True):
        if price is not None and value is not None and not 0 <= value < float("inf"):
            problems.add(
                price, "a price is below nothing or beyond all bounds", "write dollars for a million tokens"
            )
    if given.count(None) == 1:
        problems.add(node, "only one of price_in and price_out is given", "give both, or neither")
    if None in dollars:
        return listed(model) or UNKNOWN
    return Price(tokens_in=float(dollars[0] or 0), tokens_out=float(dollars[1] or 0))
