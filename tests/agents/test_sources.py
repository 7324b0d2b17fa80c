"""Files as records: what each format yields, and what a bad line is told."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.agents.errors import StartupError
from frontdesk.agents.sources.entry import Entry, Fault
from frontdesk.agents.sources.formats import READERS, Format, detect
from frontdesk.agents.sources.publishing import read
from frontdesk.schemas.broadcast import Product
from frontdesk.schemas.inputs import CustomerMessage, CustomerProfile, Purchase
from frontdesk.schemas.topics import CUSTOMER_MESSAGES, CUSTOMER_PROFILES, CUSTOMER_PURCHASES, PRODUCT_CATALOG

MULTIDOGO_HEADER = "conversationId\tturnNumber\tutteranceId\tutterance\tslot-labels\tintent\n"


@pytest.fixture
def write(tmp_path):
    def _write(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return _write


def entries(path: Path, topic: str = CUSTOMER_MESSAGES, form: Format | None = None) -> list[Entry | Fault]:
    return list(READERS[form or detect(path)](path, topic))


def message_line(number: int, **fields: object) -> str:
    ids = {"message_id": f"m{number}", "conversation_id": "c1", "customer_id": "u1"}
    return json.dumps({**ids, **fields}, ensure_ascii=False) + "\n"


class TestJsonLines:
    def test_lines_become_records_in_order_with_their_places(self, write):
        path = write(
            "in.jsonl", message_line(1, text="你好") + "\n" + message_line(2, sent_at="2026-01-02T03:04:05Z")
        )
        first, second = entries(path)
        assert isinstance(first, Entry)
        assert first.record == CustomerMessage(
            message_id="m1", conversation_id="c1", customer_id="u1", text="你好"
        )
        assert isinstance(second, Entry)
        assert (second.line, second.record.sent_at) == (3, 1_767_323_045_000)

    def test_a_line_may_name_its_topic(self, write):
        lines = [
            {"topic": CUSTOMER_PROFILES, "value": {"customer_id": "u1", "tier": "gold"}},
            {
                "message_id": "m1",
                "conversation_id": "c1",
                "customer_id": "u1",
                "text": 'a "topic" of "value"',
            },
        ]
        found = entries(write("mixed.jsonl", "".join(json.dumps(line) + "\n" for line in lines)))
        assert [entry.topic for entry in found] == [CUSTOMER_PROFILES, CUSTOMER_MESSAGES]
        assert found[0].record == CustomerProfile(customer_id="u1", tier="gold")

    def test_a_byte_order_mark_is_no_part_of_the_first_line(self, write):
        (entry,) = entries(write("in.jsonl", b"\xef\xbb\xbf" + message_line(1).encode()))
        assert isinstance(entry, Entry)

    @pytest.mark.parametrize(
        ("line", "says"),
        [
            (b'{"message_id": "m1"', "not JSON"),
            (b'{"message_id": "m1", "conversation_id": "c1"}', "customer_id"),
            (b'{"message_id": "m1", "conversation_id": "c1", "customer_id": "  "}', "customer_id is empty"),
            (b'{"message_id": "m1", "conversation_id": "c1", "customer_id": "u", "text": "\xff"}', "UTF-8"),
            (b'{"topic": "routing.decisions", "value": {}}', "customer.messages"),
            (b'["no object"]', "an object"),
        ],
    )
    def test_a_bad_line_is_told_its_place_and_a_fix_without_the_words_in_it(self, write, line, says):
        path = write("in.jsonl", message_line(1).encode() + line + b"\n" + message_line(3).encode())
        before, fault, after = entries(path)
        assert isinstance(before, Entry)
        assert isinstance(after, Entry)
        assert isinstance(fault, Fault)
        assert str(fault).startswith(f"{path}:2: ")
        assert says in str(fault)

    def test_the_problem_never_quotes_the_text(self, write):
        (fault,) = entries(write("in.jsonl", json.dumps({"text": "my card 4111", "message_id": 7})))
        assert isinstance(fault, Fault)
        assert "4111" not in str(fault)


class TestCsv:
    def test_columns_are_fields_and_attributes(self, write):
        path = write(
            "in.csv",
            "message_id,conversation_id,customer_id,text,attributes.shop,sent_at\n"
            'm1,c1,u1,"hello, ""you""\nsecond line",berlin,1700000000000\n'
            "m2,c1,u1,,,\n",
        )
        first, second = entries(path)
        assert first.record.text == 'hello, "you"\nsecond line'
        assert first.record.attributes == {"shop": "berlin"}
        assert first.record.sent_at == 1_700_000_000_000
        assert (second.line, second.record.text, second.record.attributes) == (4, None, {})

    def test_numbers_lists_and_maps_of_other_topics(self, write):
        purchases = write(
            "p.csv", "order_id,customer_id,product_id,amount,purchased_at\no1,7,p,12.5,2026-01-02T03:04:05Z\n"
        )
        (purchase,) = entries(purchases, CUSTOMER_PURCHASES)
        assert purchase.record == Purchase(
            order_id="o1", customer_id="7", product_id="p", amount=12.5, purchased_at=1_767_323_045_000
        )
        profiles = write("c.csv", "customer_id,tags\nu1,vip; press\n")
        assert entries(profiles, CUSTOMER_PROFILES)[0].record.tags == ("vip", "press")
        products = write("k.csv", "product_id,category,names.zh,names.en\np1,tea,茶,Tea\n")
        assert entries(products, PRODUCT_CATALOG)[0].record == Product(
            product_id="p1", category="tea", names={"zh": "茶", "en": "Tea"}
        )

    def test_an_unknown_column_is_named_with_those_that_exist(self, write):
        (fault,) = entries(write("in.csv", "message_id,customer\nm1,u1\n"))
        assert isinstance(fault, Fault)
        assert "'customer'" in fault.problem
        assert "customer_id" in fault.fix

    @pytest.mark.parametrize(
        ("row", "says"),
        [(b"m1,c1\n", "2 cells"), (b"m1,c1,\xff\n", "UTF-8"), (b"m1,,u1\n", "conversation_id")],
    )
    def test_a_bad_row_has_its_line(self, write, row, says):
        path = write("in.csv", b"message_id,conversation_id,customer_id\n" + row + b"m2,c,u\n")
        fault, good = entries(path)
        assert isinstance(fault, Fault)
        assert fault.line == 2
        assert says in fault.problem
        assert isinstance(good, Entry)

    @given(
        st.lists(
            st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1),
            min_size=1,
        )
    )
    def test_any_text_survives_the_file(self, tmp_path_factory, texts):
        import csv

        path = tmp_path_factory.mktemp("csv") / "in.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["message_id", "conversation_id", "customer_id", "text"])
            writer.writerows([f"m{number}", "c", "u", text] for number, text in enumerate(texts))
        assert [entry.record.text for entry in entries(path)] == texts


class TestDialogues:
    def test_multidogo_turns(self, write):
        path = write(
            "air.tsv",
            MULTIDOGO_HEADER
            + "a-1\t0\t<CONV>a-1<TURN>0\thi\tO\topeninggreeting\n"
            + 'a-1\t2\t<CONV>a-1<TURN>2\t"two\nlines"\tO\t\n'
            + "a-2\t0\t<CONV>a-2<TURN>0\n",
        )
        first, second, fault = entries(path)
        assert first.record == CustomerMessage(
            message_id="CONV-a-1-TURN-0",
            conversation_id="a-1",
            customer_id="a-1",
            text="hi",
            locale="en",
            attributes={"turn": "0", "intent": "openinggreeting"},
        )
        assert (second.record.text, second.record.attributes) == ("two\nlines", {"turn": "2"})
        assert isinstance(fault, Fault)
        assert fault.line == 5

    def test_crosswoz_turns_get_ids_that_are_unique_over_the_splits(self, write):
        turns = [
            {"split": split, "conversation_id": "7", "turn": turn, "role": role, "text": "你好"}
            for split in ("val", "test")
            for turn, role in enumerate(("usr", "sys"))
        ]
        found = entries(write("w.jsonl", "".join(json.dumps(turn) + "\n" for turn in turns)))
        assert [entry.record.message_id for entry in found] == ["val-7-0", "val-7-1", "test-7-0", "test-7-1"]
        assert [entry.record.role for entry in found] == ["customer", "bot", "customer", "bot"]
        assert {(entry.record.customer_id, entry.record.locale) for entry in found} == {
            ("val-7", "zh"),
            ("test-7", "zh"),
        }

    def test_dialogues_go_to_the_messages_only(self, write):
        path = write("air.tsv", MULTIDOGO_HEADER + "a-1\t0\tx\thi\tO\t\n")
        (fault,) = entries(path, CUSTOMER_PROFILES)
        assert isinstance(fault, Fault)
        assert f"--topic {CUSTOMER_MESSAGES}" in fault.fix


class TestDetection:
    @pytest.mark.parametrize(
        ("name", "content", "form"),
        [
            ("a.jsonl", message_line(1), Format.JSONL),
            ("a.ndjson", "", Format.JSONL),
            ("a", message_line(1), Format.JSONL),
            ("a.csv", "message_id\n", Format.CSV),
            ("a", "message_id,text\n", Format.CSV),
            ("a.tsv", MULTIDOGO_HEADER, Format.MULTIDOGO),
            ("a.txt", MULTIDOGO_HEADER, Format.MULTIDOGO),
            ("a.jsonl", '{"conversation_id": "1", "turn": 0, "role": "usr", "text": ""}', Format.CROSSWOZ),
            ("a.jsonl", message_line(1, turn=0, role="customer", text=""), Format.JSONL),
        ],
    )
    def test_by_name_and_first_line(self, write, name, content, form):
        assert detect(write(name, content)) is form

    def test_what_cannot_be_told_names_the_option(self, write):
        with pytest.raises(StartupError, match="--format"):
            detect(write("a.xml", "<a/>"))

    def test_a_missing_file_is_one_line(self, tmp_path):
        with pytest.raises(StartupError, match="No such file"):
            detect(tmp_path / "nowhere.jsonl")

    def test_files_are_read_in_the_order_given_up_to_the_limit(self, write):
        one, two = write("1.jsonl", message_line(1) + message_line(2)), write("2.jsonl", message_line(3))
        found = [entry.record.message_id for entry in read([two, one], CUSTOMER_MESSAGES, None, 2)]
        assert found == ["m3", "m1"]


class TestPublicData:
    """The public dialogue sets whole, where `FRONTDESK_DATA` names their folder."""

    @pytest.fixture
    def data(self) -> Path:
        folder = os.environ.get("FRONTDESK_DATA")
        if not folder or not Path(folder).is_dir():
            pytest.skip("FRONTDESK_DATA does not name the folder of the public data sets")
        return Path(folder)

    def test_every_multidogo_test_turn_is_read_once(self, data):
        found = [entry for path in sorted(data.glob("multidogo/*_test.tsv")) for entry in entries(path)]
        assert len(found) > 15_000
        assert not [entry for entry in found if isinstance(entry, Fault)]
        assert len({entry.record.message_id for entry in found}) == len(found)

    def test_every_crosswoz_turn_is_read_once(self, data):
        found = entries(data / "crosswoz" / "conversations.jsonl")
        assert not [entry for entry in found if isinstance(entry, Fault)]
        assert len({entry.record.message_id for entry in found}) == len(found) > 16_000
        assert len({entry.record.customer_id for entry in found}) == 1000
