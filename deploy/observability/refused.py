"""Causes by what workers go by: policies and models that are refused or differ, switches."""

from __future__ import annotations

from deploy.observability.alert import Alert, Case, of_worker


def alerts() -> list[Alert]:
    """All of them."""
    policy, model = "frontdesk_policy_info", "frontdesk_model_info"
    return [
        Alert(
            name="FrontdeskPolicyRefused",
            severity="ticket",
            expr="max by (use) (frontdesk_policy_refused) > 0",
            wait="0m",
            summary="a published policy was refused",
            description="Workers cannot put the published policy to use as {{ $labels.use }}; what was in use stays.",
            fires=Case(
                series={of_worker("frontdesk_policy_refused", use="policy"): "0x5 1x20"},
                at="10m",
                labels={"use": "policy"},
            ),
            silent=Case(
                series={of_worker("frontdesk_policy_refused", use="policy"): "1x5 0x20"},
                at="10m",
                because="another one was published",
            ),
            also_fires=(_from_the_start("frontdesk_policy_refused", use="policy"),),
        ),
        Alert(
            name="FrontdeskPoliciesDiffer",
            severity="ticket",
            expr='count(count by (policy) (frontdesk_policy_info{use="policy"})) > 1',
            wait="10m",
            summary="workers decide by different policies",
            description="{{ $value }} policies are in force at once.",
            fires=Case(
                series={
                    of_worker(policy, "w1", use="policy", policy="a"): "1x20",
                    of_worker(policy, "w2", use="policy", policy="b"): "1x20",
                },
                at="15m",
                shows="2",
            ),
            silent=Case(
                series={
                    of_worker(policy, "w1", use="policy", policy="a"): "1x20",
                    of_worker(policy, "w1", use="policy.shadow", policy="b"): "1x20",
                },
                at="15m",
                because="the second is only in the shadow",
            ),
        ),
        Alert(
            name="FrontdeskModelRefused",
            severity="ticket",
            expr="max by (stage) (frontdesk_model_refused) > 0",
            wait="5m",
            summary="a published model was refused",
            description="Workers cannot put the published model to use ({{ $labels.stage }}); what was in use stays.",
            fires=Case(
                series={of_worker("frontdesk_model_refused", stage="serving"): "0x5 1x20"},
                at="15m",
                labels={"stage": "serving"},
            ),
            silent=Case(
                series={of_worker("frontdesk_model_refused", stage="serving"): "0x5 1x3 0x20"},
                at="15m",
                because="the registry answered when it was asked again",
            ),
            also_fires=(_from_the_start("frontdesk_model_refused", stage="serving"),),
        ),
        Alert(
            name="FrontdeskModelsDiffer",
            severity="ticket",
            expr='count(count by (model) (frontdesk_model_info{stage="serving"})) > 1',
            wait="15m",
            summary="workers label by different models",
            description="{{ $value }} models serve at once.",
            fires=Case(
                series={
                    of_worker(model, "w1", stage="serving", model="a"): "1x30",
                    of_worker(model, "w2", stage="serving", model="b"): "1x30",
                },
                at="20m",
                shows="2",
            ),
            silent=Case(
                series={
                    of_worker(model, "w1", stage="serving", model="a"): "1x30",
                    of_worker(model, "w2", stage="serving", model="a"): "1x30",
                    of_worker(model, "w2", stage="candidate", model="b"): "1x30",
                },
                at="20m",
                because="the second is on trial",
            ),
        ),
        Alert(
            name="FrontdeskSwitchPulled",
            severity="ticket",
            expr="max by (switch) (frontdesk_switch_pulled) > 0",
            wait="1h",
            summary="a switch has been pulled for an hour",
            description="The switch {{ $labels.switch }} has been pulled for an hour: is that still meant?",
            fires=Case(
                series={of_worker("frontdesk_switch_pulled", switch="llm"): "1x80"},
                at="70m",
                labels={"switch": "llm"},
            ),
            silent=Case(
                series={of_worker("frontdesk_switch_pulled", switch="llm"): "1x40 0x40"},
                at="70m",
                because="it was put back",
            ),
        ),
    ]


def _from_the_start(metric: str, **labels: str) -> Case:
    return Case(
        series={of_worker(metric, **labels): "_x5 1x200"},
        at="180m",
        labels=labels,
        because="refused as the worker started, and still hours later",
    )
