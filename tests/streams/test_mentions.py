"""Mentions: which products a text speaks of, in Chinese and English."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.schemas.broadcast import Product
from frontdesk.streams.mentions import MOST, Mentions


def _product(product_id: str, *names: str, tenant: str = "default") -> Product:
    return Product(
        product_id=product_id,
        tenant_id=tenant,
        category="c",
        names={f"n{at}": name for at, name in enumerate(names)},
    )


SHOP = Mentions(
    (
        _product("aurora", "Aurora 8 Pro phone", "极光手机 8 Pro"),
        _product("case", "Case for Aurora 8 Pro", "极光 8 Pro 保护壳"),
        _product("case-nova", "Case for Nova 3", "新星 3 保护壳"),
        _product("robot", "Trot robot vacuum", "小跑扫地机器人"),
        _product("lamp", "The Halo"),
        _product("rival", "Aurora 9 Max", tenant="acme"),
    )
)


def _found(text: str, tenant: str = "default") -> list[tuple[str, ...]]:
    return [one.ids for one in SHOP.find(tenant, text)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("how much is the AURORA 8 pro Phone?", [("aurora",)]),
        ("is there a robot vacuum left", [("robot",)]),
        ("极光手机8Pro多少钱", [("aurora",)]),
        ("有没有扫地机器人？", [("robot",)]),
        ("ｒｏｂｏｔ ｖａｃｕｕｍ", [("robot",)]),  # full width
        (
            "does a case for aurora 8 pro fit the robot vacuum",
            [("case",), ("robot",)],
        ),  # the longest, not the phone
        ("the Aurora 8 Pro in blue", [("aurora",)]),  # whose name begins so
        ("保护壳还有吗", [("case", "case-nova")]),
        ("is the halo dimmable", [("lamp",)]),  # a whole name may be one word
        ("robot vacuum, robot vacuum, trot robot vacuum", [("robot",)]),
    ],
)
def test_what_is_said_is_found(text: str, found: list[tuple[str, ...]]) -> None:
    assert _found(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "",
        "robot",
        "is it for the",
        "我的快递三天没到",
        "手机",
        "8",
        "Aurora 9 Max",
        "vacuum robots",
        "🙂",
        "caseforaurora",
    ],
)
def test_what_is_not_said_is_not_found(text: str) -> None:
    assert _found(text) == []


def test_tenants_have_their_own_products() -> None:
    assert _found("the Aurora 9 Max", "acme") == [("rival",)]
    assert _found("robot vacuum", "acme") == []
    assert _found("robot vacuum", "nobody") == []


def test_whether_nearly_the_whole_name_was_said() -> None:
    said = {
        text: SHOP.find("default", text)[0].nearly_whole
        for text in ("aurora 8 pro", "极光8Pro", "极光 8 Pro 保护壳")
    }
    assert said == {"aurora 8 pro": True, "极光8Pro": False, "极光 8 Pro 保护壳": True}


def test_the_newest_text_that_names_a_product_counts() -> None:
    texts = ["and in blue?", "the robot vacuum", "aurora 8 pro"]
    assert [one.ids for one in SHOP.newest("default", texts)] == [("robot",)]
    assert SHOP.newest("default", ["hello"]) == ()


def test_names_that_all_share_tell_nothing() -> None:
    shop = Mentions(_product(f"p{number:03}", f"plain cotton shirt number {number}") for number in range(200))
    assert shop.find("default", "plain cotton shirt") == ()
    assert [one.ids for one in shop.find("default", "plain cotton shirt number 7")] == [("p007",)]


def test_no_text_names_more_than_a_few() -> None:
    shop = Mentions(_product(f"p{number}", f"thing{number} box{number}") for number in range(50))
    assert len(shop.find("default", " ".join(f"thing{number} box{number}" for number in range(50)))) == MOST


names = st.text(max_size=12) | st.sampled_from(
    ["", " ", "the", "12", "x" * 5000, "极光 " * 400, "Aurora 8 Pro", "\x00", "的"]
)


@given(
    st.lists(
        st.builds(
            Product,
            product_id=st.text(max_size=3),
            tenant_id=st.sampled_from(["a", "b"]),
            category=st.just("c"),
            names=st.dictionaries(st.text(max_size=2), names, max_size=3),
        ),
        max_size=8,
    ),
    st.text(max_size=30) | names,
)
def test_no_catalogue_and_no_text_raises(products: list[Product], text: str) -> None:
    shop = Mentions(products)
    known = {(one.tenant_id, one.product_id) for one in products}
    for one in shop.find("a", text):
        assert one.ids
        assert all(("a", product_id) in known for product_id in one.ids)
    for product in products:  # a whole name that is usable means at least its product
        for name in product.names.values():
            if product.tenant_id == "a" and name == "Aurora 8 Pro":
                assert any(product.product_id in one.ids for one in shop.find("a", name))
