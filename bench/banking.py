"""How well the taxonomy of the bundled bank labels real questions: Banking77's test split, its 77 intents mapped to ours.

    python -m bench.banking --data FOLDER

Local labels only, as a worker has them before it has learned from anything. The taxonomy's examples are our own; the train split
was looked at while they were written (`--split train`), the test split was not. FOLDER holds banking77/.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from frontdesk.agents.embedding import EmbeddingLabeller, load_embedder
from frontdesk.agents.settings import BUNDLED_POLICY
from frontdesk.streams.cues import cues
from frontdesk.streams.ports import Scores
from frontdesk.streams.taxonomy import load_taxonomy

TAXONOMY = BUNDLED_POLICY.parent / "banking" / "taxonomy.yaml"

COARSE: Mapping[str, str] = {
    "fraud": "card_payment_not_recognised cash_withdrawal_not_recognised compromised_card "
    "direct_debit_payment_not_recognised lost_or_stolen_card lost_or_stolen_phone",
    "card": "activate_my_card apple_pay_or_google_pay atm_support card_about_to_expire card_acceptance card_arrival "
    "card_delivery_estimate card_linking card_not_working card_swallowed change_pin contactless_not_working "
    "disposable_card_limits get_disposable_virtual_card get_physical_card getting_spare_card getting_virtual_card "
    "order_physical_card pin_blocked virtual_card_not_working visa_or_mastercard",
    "payment": "Refund_not_showing_up declined_card_payment declined_cash_withdrawal pending_card_payment "
    "pending_cash_withdrawal request_refund reverted_card_payment? transaction_charged_twice wrong_amount_of_cash_received",
    "transfer": "beneficiary_not_allowed cancel_transfer declined_transfer failed_transfer pending_transfer "
    "transfer_not_received_by_recipient transfer_timing "
    "automatic_top_up balance_not_updated_after_bank_transfer balance_not_updated_after_cheque_or_cash_deposit "
    "pending_top_up receiving_money supported_cards_and_currencies top_up_by_cash_or_cheque top_up_failed top_up_limits "
    "top_up_reverted topping_up_by_card transfer_into_account verify_top_up",
    "account": "age_limit country_support edit_personal_details terminate_account",
    "fee": "card_payment_fee_charged card_payment_wrong_exchange_rate cash_withdrawal_charge exchange_charge exchange_rate "
    "exchange_via_app extra_charge_on_statement fiat_currency_support top_up_by_bank_transfer_charge top_up_by_card_charge "
    "transfer_fee_charged wrong_exchange_rate_for_cash_withdrawal",
    "technical": "passcode_forgotten",
    "identity": "unable_to_verify_identity verify_my_identity verify_source_of_funds why_verify_identity",
}
"""Intents of ours with those of Banking77 that mean the same; it has none of the others."""


def main(arguments: Sequence[str]) -> int:
    """Label, and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data",
        type=Path,
        default=Path(os.environ.get("FRONTDESK_DATA", "../shared/data")),
        help="folder with banking77/; default $FRONTDESK_DATA or %(default)s",
    )
    parser.add_argument("--split", choices=("test", "train"), default="test", help="default %(default)s")
    parser.add_argument(
        "--worst", type=int, default=0, help="print so many confusions of fine intents; default none"
    )
    given = parser.parse_args(arguments)
    file = given.data / "banking77" / f"{given.split}.csv"
    if not file.is_file():
        print(f"there is no {file}; name the folder that holds banking77/ with --data", file=sys.stderr)
        return 2
    with file.open(encoding="utf-8", newline="") as lines:
        rows = [(row["text"], row["category"]) for row in csv.DictReader(lines)]
    _tell(rows, worst=given.worst)
    return 0


def _tell(rows: Sequence[tuple[str, str]], *, worst: int) -> None:
    ours = {fine: intent for intent, listed in COARSE.items() for fine in listed.split()}
    taxonomy = load_taxonomy(TAXONOMY.read_text(encoding="utf-8"), TAXONOMY.name)
    labeller = EmbeddingLabeller(taxonomy, load_embedder())
    scores = labeller.label([text for text, _ in rows])
    wanted = [ours[fine] for _, fine in rows]
    right = [score.intent.value == intent for score, intent in zip(scores, wanted, strict=True)]
    sure = [not score.unsure for score in scores]
    sure_right = sum(one and two for one, two in zip(right, sure, strict=True))
    print(
        f"{len(rows)} texts: right {sum(right) / len(rows):.3f}, sure {sum(sure) / len(rows):.3f}, ", end=""
    )
    print(f"right of the sure {sure_right / max(1, sum(sure)):.3f}\n")
    print("| intent | texts | found | of those labelled so, right |\n|---|---|---|---|")
    said = Counter(score.intent.value for score in scores)
    for intent in COARSE:
        hits = sum(one and two == intent for one, two in zip(right, wanted, strict=True))
        print(
            f"| `{intent}` | {wanted.count(intent)} | {hits / max(1, wanted.count(intent)):.3f} | {hits / max(1, said[intent]):.3f} |"
        )
    elsewhere = {intent: n for intent, n in said.items() if intent not in COARSE}
    told = [cues(text).fraud for text, _ in rows]
    for what, tell in (("cue_fraud", told), ("or the label fraud", _either(told, scores))):
        hits = sum(one and two == "fraud" for one, two in zip(tell, wanted, strict=True))
        print(
            f"\n{what}: {hits} of {wanted.count('fraud')} texts about fraud, {sum(tell) - hits} of the others"
        )
    print(f"\nlabelled with intents that Banking77 has none of: {elsewhere}")
    wrong = Counter(
        (fine, score.intent.value)
        for (_, fine), score, hit in zip(rows, scores, right, strict=True)
        if not hit
    )
    for (fine, intent), n in wrong.most_common(worst):
        print(f"{n:4} {fine} as {intent}")


def _either(told: Sequence[bool], scores: Sequence[Scores]) -> list[bool]:
    return [one or score.intent.value == "fraud" for one, score in zip(told, scores, strict=True)]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
