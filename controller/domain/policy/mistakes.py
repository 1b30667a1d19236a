"""What is wrong whatever was there before: the checks that stand for rules of `admission`."""

from __future__ import annotations

import json

from controller.domain.changes import Rule
from controller.domain.policy.cel import DC_PATH, NEW, RACK_PATH, Check, at, each_dc, each_rack

_NO_QUANTITY = "'{value}' is not a quantity; write a number such as 500m, 2 or 1Gi"


def checks() -> tuple[Check, ...]:
    """Return what is wrong whatever was there before."""
    dc_name = "'{name}' cannot name a data centre; use small letters and digits only and begin with a letter"
    rack_name = "'{name}' cannot name a rack; use small letters and digits only"
    twice = "another {what} ({first}) is named '{name}'; give it a name of its own"
    first_dc = "variables.positions.filter(k, k < i && variables.dcs[k].name == <dc>.name)"
    first_rack = "variables.positions.filter(k, k < j && <racks>[k].name == <rack>.name)"
    policy = f'{NEW}.?imagepullpolicy.orValue("")'
    known = ("Always", "IfNotPresent", "Never")
    return (
        Check(
            name="emptyCluster",
            messages=f"[{NEW}.?nodesPerRacks.orValue(1)].filter(size, size == 0).map(size,"
            f" {at(json.dumps('spec.nodesPerRacks'), Rule.EMPTY_CLUSTER.value)})",
        ),
        Check(
            name="negativeSize",
            messages=f"[{NEW}.?nodesPerRacks.orValue(1)].filter(size, size < 0).map(size, "
            + at(
                '"spec.nodesPerRacks"',
                "{size} is not possible; write a number from 1 to 2147483647",
                size="size",
            )
            + ")",
        ),
        Check(
            name="dcNames",
            messages=each_dc(
                "!<dc>.name.matches('^[a-z][a-z0-9]*$')",
                at(f'{DC_PATH} + ".name"', dc_name, name="<dc>.name"),
            ),
        ),
        Check(
            name="dcTwice",
            messages=each_dc(
                f"size({first_dc}) > 0",
                at(
                    f'{DC_PATH} + ".name"',
                    twice,
                    what='"data centre"',
                    first=f'"spec.topology.dc[" + string({first_dc}[0]) + "]"',
                    name="<dc>.name",
                ),
            ),
        ),
        Check(
            name="rackNames",
            messages=each_rack(
                "!<rack>.name.matches('^[a-z0-9]+$')",
                at(f'{RACK_PATH} + ".name"', rack_name, name="<rack>.name"),
            ),
        ),
        Check(
            name="rackTwice",
            messages=each_rack(
                f"size({first_rack}) > 0",
                at(
                    f'{RACK_PATH} + ".name"',
                    twice,
                    what='"rack"',
                    first=f'{DC_PATH} + ".rack[" + string({first_rack}[0]) + "]"',
                    name="<rack>.name",
                ),
            ),
        ),
        Check(
            name="capacity",
            messages=f'[{NEW}.?dataCapacity.orValue("")]'
            '.filter(size, size != "" && !isQuantity(size)).map(size, '
            + at('"spec.dataCapacity"', _NO_QUANTITY, value="size")
            + ")",
        ),
        Check(
            name="dcCapacity",
            messages=each_dc(
                '<dc>.?dataCapacity.orValue("") != "" && !isQuantity(<dc>.dataCapacity)',
                at(f'{DC_PATH} + ".dataCapacity"', _NO_QUANTITY, value="<dc>.dataCapacity"),
            ),
        ),
        Check(
            name="pullPolicy",
            messages=f'[{policy}].filter(word, word != "" && !(word in {json.dumps(known)})).map(word, '
            + at(
                '"spec.imagepullpolicy"',
                f"'{{word}}' is not known; write one of {', '.join(known)}",
                word="word",
            )
            + ")",
        ),
    )
