"""PodDisruptionBudgets."""

from __future__ import annotations

import re

from e2e.simkube.errors import Problems
from e2e.simkube.metadata import check_selector
from e2e.simkube.rules.base import Rules
from e2e.simkube.values import Json, Object

_PERCENT = re.compile(r"[0-9]+%")


class BudgetRules(Rules):
    """PodDisruptionBudgets."""

    overwrites = False

    def prepare_create(self, found: Object) -> None:
        """Nothing is known of the pods yet, so nothing may be disrupted."""
        found["status"] = {
            "disruptionsAllowed": 0,
            "currentHealthy": 0,
            "desiredHealthy": 0,
            "expectedPods": 0,
        }

    def validate(self, found: Object, problems: Problems) -> None:
        """One of the two limits, as a number or a percentage."""
        spec = found["spec"]
        if "minAvailable" in spec and "maxUnavailable" in spec:
            problems.invalid(
                "spec",
                spec,
                "minAvailable and maxUnavailable cannot be both set",
            )
        for name in ("minAvailable", "maxUnavailable"):
            if name in spec:
                _amount(spec[name], f"spec.{name}", problems)
        policy = spec.get("unhealthyPodEvictionPolicy", "AlwaysAllow")
        if policy not in ("AlwaysAllow", "IfHealthyBudget"):
            problems.unsupported(
                "spec.unhealthyPodEvictionPolicy", policy, ("AlwaysAllow", "IfHealthyBudget")
            )
        check_selector(spec.get("selector"), "spec.selector", problems)
        for name in ("disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods"):
            number = (found.get("status") or {}).get(name, 0)
            if number < 0:
                problems.invalid(f"status.{name}", number, "must be greater than or equal to 0")


def _amount(value: Json, field: str, problems: Problems) -> None:
    if isinstance(value, int):
        if value < 0:
            problems.invalid(field, value, "must be greater than or equal to 0")
    elif not _PERCENT.fullmatch(value):
        problems.invalid(
            field,
            value,
            "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  "
            "or '93%', regex used for validation is '[0-9]+%')",
        )
    elif int(value[:-1]) > 100:
        problems.invalid(field, value, "must not be greater than 100%")
