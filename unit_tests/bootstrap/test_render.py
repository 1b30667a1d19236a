"""What `render` makes of the image's files and CONFIG_FILE_DATA."""

from __future__ import annotations

import pytest
import yaml

from controller.bootstrap.render import MARK
from unit_tests.bootstrap.imagefiles import IMAGES, INFO, SEEDS, problems, rendered


def parameters(image: str, user: dict[str, object], **changes: object) -> dict[str, object]:
    """Return the parameters that Cassandra of *image* will read."""
    text = rendered(image, {"cassandra-yaml": user}, **changes).files["cassandra.yaml"]
    loaded: dict[str, object] = yaml.safe_load(text)
    return loaded


@pytest.mark.parametrize("image", IMAGES)
def test_a_node_is_itself(image: str) -> None:
    """Name, seeds and addresses come from the operator; data lies below the mounted volume."""
    read = parameters(image, {})

    assert read["cluster_name"] == "demo"
    assert read["seed_provider"] == [
        {
            "class_name": "org.apache.cassandra.locator.SimpleSeedProvider",
            "parameters": [{"seeds": SEEDS}],
        }
    ]
    assert read["listen_address"] == read["broadcast_address"] == read["broadcast_rpc_address"] == "10.0.0.7"
    assert read["rpc_address"] == "0.0.0.0"  # noqa: S104 -- what Cassandra shall listen on
    assert read["endpoint_snitch"] == "GossipingPropertyFileSnitch"
    assert read["data_file_directories"] == ["/var/lib/cassandra/data"]
    assert read["commitlog_directory"] == "/var/lib/cassandra/commitlog"
    assert read["hints_directory"] == "/var/lib/cassandra/hints"
    assert read["saved_caches_directory"] == "/var/lib/cassandra/saved_caches"
    assert read["cdc_raw_directory"] == "/var/lib/cassandra/cdc_raw"
    assert read["commitlog_sync"] == "periodic"


def test_the_users_word_is_over_the_images() -> None:
    """Mappings merge member by member; lists and values are replaced; the rest of the image's stays."""
    read = parameters(
        "5.0",
        {
            "num_tokens": 4,
            "client_encryption_options": {"enabled": True},
            "data_file_directories": ["/data1", "/data2"],
            "endpoint_snitch": "Ec2Snitch",
        },
    )

    assert read["num_tokens"] == 4
    assert read["client_encryption_options"] == {"enabled": True, "optional": False}
    assert read["data_file_directories"] == ["/data1", "/data2"]
    assert read["endpoint_snitch"] == "Ec2Snitch"
    assert read["commitlog_sync_period"] == "10000ms"


@pytest.mark.parametrize(
    ("image", "name", "value"),
    [
        ("3.11", "read_request_timeout_in_ms", 9000),
        ("4.0", "read_request_timeout_in_ms", 9000),
        ("4.1", "read_request_timeout", "9000ms"),
        ("5.0", "read_request_timeout", "9000ms"),
    ],
)
@pytest.mark.parametrize(
    "written", [{"read_request_timeout_in_ms": 9000}, {"read_request_timeout": "9000ms"}]
)
def test_either_name_of_a_parameter_does(
    image: str, name: str, value: object, written: dict[str, object]
) -> None:
    """The node gets the one name that its version speaks, also in the place of the image's own value."""
    read = parameters(image, written)

    assert read[name] == value
    assert ("read_request_timeout" in read) != ("read_request_timeout_in_ms" in read)


def test_a_translation_is_told() -> None:
    """Who reads the log learns the name to use."""
    files = rendered("5.0", {"cassandra-yaml": {"enable_materialized_views": True}})

    assert files.warnings == (
        "cassandra-yaml.enable_materialized_views: Cassandra 5.0 says materialized_views_enabled: True",
    )


def test_two_names_with_two_values_are_refused() -> None:
    """A contradiction is never settled by guessing; the line names both places and no value."""
    user = {"hints_flush_period": "5s", "hints_flush_period_in_ms": 10000}

    assert problems("4.1", {"cassandra-yaml": user}) == (
        (
            "cassandra-yaml.hints_flush_period_in_ms: cassandra-yaml.hints_flush_period"
            " is the same parameter with another value; leave one out"
        ),
    )


def test_two_names_with_one_value_are_fine() -> None:
    """Saying the same twice is no contradiction."""
    read = parameters("4.1", {"hints_flush_period": "10000ms", "hints_flush_period_in_ms": 10000})

    assert read["hints_flush_period"] == "10000ms"


def test_casskops_own_default_yields() -> None:
    """CassKop adds the old name with 5000 to whoever wrote only the new one; that is nobody's wish."""
    files = rendered(
        "5.0",
        {"cassandra-yaml": {"read_request_timeout_in_ms": 5000, "read_request_timeout": "10s"}},
    )

    assert yaml.safe_load(files.files["cassandra.yaml"])["read_request_timeout"] == "10s"
    assert any("CassKop's default" in warning for warning in files.warnings)


@pytest.mark.parametrize("name", ["listen_address", "initial_token", "seed_provider", "auto_bootstrap"])
def test_what_makes_a_node_itself_is_not_the_users(name: str) -> None:
    """The same word on every node would be wrong, so it is not used; that is said, without the value."""
    files = rendered("5.0", {"cassandra-yaml": {name: "my-own-value"}})

    assert "my-own-value" not in "".join(files.files.values())
    assert files.warnings == (
        f"cassandra-yaml.{name}: not used: the operator sets it, for each node its own",
    )


def test_text_that_looks_like_a_number_stays_text() -> None:
    """Cassandra's YAML reader takes 1e3 for a thousand unless it is quoted."""
    text = rendered("5.0", {"cassandra-yaml": {"some_name": "1e3", "other": "yes"}}).files["cassandra.yaml"]

    assert 'some_name: "1e3"\n' in text
    assert "other: 'yes'\n" in text


@pytest.mark.parametrize("image", IMAGES)
def test_the_files_of_an_image_say_its_version(image: str) -> None:
    """Whatever the tag was cut into, the image's own files decide."""
    for tag in ("", "latest", image, "3.11.4.0", "4.0.0", "9.9"):
        version = ".".join(map(str, rendered(image, product_version=tag).version))

        assert version == image or (image, version) in (("5.0", "9.9"), ("4.1", "4.1"))


def test_a_tag_that_the_files_contradict_is_told() -> None:
    """`3.11.4.0` on a 4.0 image is a tag cut wrong, not a version."""
    files = rendered("4.0", product_version="3.11.4.0")

    assert files.version == (4, 0)
    assert files.warnings == ("PRODUCT_VERSION: it says 3.11.4.0, but the image's files are those of 4.0",)


def test_the_node_knows_where_it_stands() -> None:
    """Data centre and rack are the topology's; only what is not its business can be set."""
    section = {"rack": "other", "prefer_local": True, "dc_suffix": "_east"}
    files = rendered("5.0", {"cassandra-rackdc-properties": section})

    assert files.files["cassandra-rackdc.properties"].splitlines()[1:] == [
        "dc=dc1",
        "rack=rack1",
        "prefer_local=true",
        "dc_suffix=_east",
    ]
    assert len(files.warnings) == 1


def test_every_rendered_file_says_so() -> None:
    """The mark is how a later run, and a person, knows that a file is not the image's own."""
    files = rendered(
        "5.0", {"jvm-options": {"max_heap_size": "1G"}, "logback-xml": {"debuglog-enabled": False}}
    )

    assert {"cassandra.yaml", "logback.xml", "jvm-server.options"} <= files.files.keys()
    assert all(MARK in text for text in files.files.values())
    assert files.files["cassandra.yaml"].startswith("# ")


def test_files_that_nobody_speaks_of_stay_as_they_are() -> None:
    """Only what differs from the image is written."""
    assert rendered("5.0").files.keys() == {"cassandra.yaml", "cassandra-rackdc.properties"}


@pytest.mark.parametrize(
    ("sections", "line"),
    [
        (
            {"cassandra_yaml": {}},
            "cassandra_yaml: no such section (did you mean cassandra-yaml?); known are ",
        ),
        ({"jvm-options": []}, "jvm-options: it has to be a JSON object"),
        ({"cluster-info": {"seeds": "a"}}, "cluster-info.name: it is missing"),
        ({"cassandra-rackdc-properties": {"zone": "x"}}, "cassandra-rackdc-properties.zone: only "),
        ({"cassandra-env-sh": {"heap": 1}}, "cassandra-env-sh.heap: no such option"),
        (
            {"cassandra-yaml": {"read_request_timeout": "1500us"}},
            "cassandra-yaml.read_request_timeout: Cassandra 4.0 cannot take it: it is no whole number of ms",
        ),
    ],
)
def test_a_problem_names_its_place(sections: dict[str, object], line: str) -> None:
    """One line a problem, beginning with the path in CONFIG_FILE_DATA."""
    lines = problems("4.0", sections)

    assert len(lines) == 1
    assert lines[0].startswith(line)


def test_all_problems_are_told_at_once() -> None:
    """Nobody has to correct one to learn of the next."""
    lines = problems("5.0", {"what": {}}, pod_ip="", product_name="dse")

    assert [line.split(":")[0] for line in lines] == ["what", "PRODUCT_NAME", "POD_IP"]


@pytest.mark.parametrize("data", ["", "[]", "{", '"x"'])
def test_data_that_is_no_object_is_refused(data: str) -> None:
    """Whatever stands in CONFIG_FILE_DATA, the answer is a line, never a traceback."""
    assert problems("5.0", data=data)[0].startswith("CONFIG_FILE_DATA: ")


def test_an_unreadable_file_in_the_image_is_a_problem() -> None:
    """A user's own image may bring anything."""
    assert problems("5.0", originals={"cassandra.yaml": "a: [", "jvm-server.options": ""})[0].startswith(
        "cassandra.yaml: the file in the Cassandra image cannot be read"
    )
    assert (
        problems("5.0", originals={})[0] == "cassandra.yaml: the Cassandra image has none in /etc/cassandra"
    )


def test_logging_can_be_turned_down() -> None:
    """debug.log goes, levels and loggers come, and the rest of the image's file stays."""
    section = {
        "debuglog-enabled": False,
        "root-log-level": "WARN",
        "systemlog-appender-level": "ERROR",
        "systemlog-appender-max-index": 5,
        "loggers": [{"name": "org.apache.cassandra.gms", "level": "trace"}],
    }
    text = rendered("5.0", {"logback-xml": section}).files["logback.xml"]

    assert 'ref="ASYNCDEBUGLOG"' not in text
    assert '<root level="WARN">' in text
    assert "<level>ERROR</level>" in text
    assert "<maxIndex>5</maxIndex>" in text
    assert '<logger name="org.apache.cassandra.gms" level="TRACE"/>\n</configuration>' in text
    assert "the distribution's own comment" in text


@pytest.mark.parametrize(
    ("section", "line"),
    [
        ({"debuglog-enabled": "no"}, "logback-xml.debuglog-enabled: it has to be true or false"),
        ({"root-log-level": "LOUD"}, "logback-xml.root-log-level: it has to be one of OFF,"),
        ({"systemlog-appender-min-index": 1}, "logback-xml.systemlog-appender-min-index: this version's"),
        ({"systemlog-appender-max-index": "x"}, "logback-xml.systemlog-appender-max-index: it has to be a"),
        ({"loggers": [{"name": "a b", "level": "INFO"}]}, "logback-xml.loggers[0]: it has to have a name"),
        ({"loggers": "all"}, "logback-xml.loggers: it has to be a list"),
        ({"rotlevel": 1}, "logback-xml.rotlevel: no such option"),
    ],
)
def test_a_wrong_wish_for_logging_is_refused(section: dict[str, object], line: str) -> None:
    """Each with its place and what would be right."""
    assert problems("5.0", {"logback-xml": section})[0].startswith(line)


def test_the_environment_file_can_be_extended() -> None:
    """What its own lines look at is set before them, what they set is changed after them."""
    section = {
        "malloc-arena-max": 2,
        "on_out_of_memory_error": "kill -9 %p",
        "additional-jvm-opts": ["-Da=b c"],
    }
    lines = rendered("5.0", {"cassandra-env-sh": section}).files["cassandra-env.sh"].splitlines()

    assert lines[1] == "export MALLOC_ARENA_MAX=2"
    assert lines[-2] == "JVM_ON_OUT_OF_MEMORY_ERROR_OPT='-XX:OnOutOfMemoryError=kill -9 %p'"
    assert lines[-1] == "JVM_OPTS=\"$JVM_OPTS \"'-Da=b c'"


def test_rendering_is_a_function_of_its_inputs() -> None:
    """The same inputs give the same files, whatever was rendered before."""
    sections = INFO | {"cassandra-yaml": {"num_tokens": 8}, "jvm-options": {"max_heap_size": "1G"}}

    assert rendered("4.1", sections) == rendered("4.1", sections)
