"""Whatever stands in CONFIG_FILE_DATA, rendering ends in files or in lines, and the files can be read."""

from __future__ import annotations

import json
import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
import yaml

from controller.bootstrap import jvmtable, logback
from controller.bootstrap.render import SECTIONS, Files, Problems, render
from unit_tests.bootstrap.imagefiles import IMAGES, INFO, SEEDS, flags, inputs

_LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["5s", "100MiB", "1G", "true", "G1GC", "remote-no-auth", "INFO", "-Da=b", "a b", "1e3"])
)
_VALUES = st.recursive(
    _LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)
_NAMES = st.sampled_from(
    sorted(
        {
            "num_tokens",
            "read_request_timeout",
            "read_request_timeout_in_ms",
            "sstable_preemptive_open_interval",
            "client_encryption_options",
            "data_file_directories",
            "cluster_name",
            "name",
            "seeds",
            "additional-jvm-opts",
            "prefer_local",
            "malloc-arena-max",
            *jvmtable.GENERAL,
            *jvmtable.JMX,
            *jvmtable.COLLECTOR_OF,
            *logback._KNOWN,
        }
    )
) | st.text(max_size=6)
_DATA = st.dictionaries(
    st.sampled_from(SECTIONS) | st.text(max_size=6),
    st.dictionaries(_NAMES, _VALUES, max_size=5) | _VALUES,
    max_size=4,
)


@given(image=st.sampled_from(list(IMAGES)), data=_DATA)
def test_any_configuration_is_rendered_or_refused(image: str, data: dict[str, Any]) -> None:
    """Never a traceback; each line has a place; what is rendered is whole, and the node is still itself."""
    result = render(inputs(image, data | {"cluster-info": INFO["cluster-info"]}))

    match result:
        case Problems(lines=lines):
            assert lines
            assert all(": " in line for line in lines)
        case Files(files=files):
            read = yaml.safe_load(files["cassandra.yaml"])
            assert read["seed_provider"][0]["parameters"] == [{"seeds": SEEDS}]
            assert read["listen_address"] == "10.0.0.7"
            assert files["cassandra-rackdc.properties"].splitlines()[2] == "rack=rack1"
            options = [text for name, text in files.items() if name.endswith(".options")]
            # A blank in a flag would make two words of it, and only users' own free flags may have one.
            assert all(re.match(r"-\S", line) for text in options for line in flags(text))


@given(st.text() | _VALUES.map(json.dumps))
def test_any_text_is_rendered_or_refused(data: str) -> None:
    """Also what is no JSON, or JSON of another shape."""
    assert isinstance(render(inputs("5.0", data=data)), Files | Problems)
