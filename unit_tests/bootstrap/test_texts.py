"""Files as texts: YAML that Cassandra reads back as it was meant, and options files line by line."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
import pytest
import yaml

from controller.bootstrap import yamlfile
from controller.bootstrap.findings import Findings, did_you_mean
from controller.bootstrap.optionsfile import OptionsFile, name_of
from unit_tests.bootstrap.imagefiles import problems, rendered

_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


# YAML.


@given(st.dictionaries(st.text(min_size=1, max_size=10), _VALUES, max_size=5))
def test_yaml_comes_back_as_it_was(mapping: dict[str, Any]) -> None:
    """Written and read, nothing has changed its type or its place."""
    text = yamlfile.dump(mapping)

    assert yamlfile.load(text) == mapping
    assert list(yamlfile.load(text)) == list(mapping)


@pytest.mark.parametrize(
    "word", ["1e3", "5E-2", "-1_0e+4", "yes", "on", "010", "1:30", "null", "~", "", "0x1"]
)
def test_text_that_a_reader_could_take_for_something_else_is_quoted(word: str) -> None:
    """PyYAML, SnakeYAML, YAML 1.1 or 1.2: in quotes it is text to all of them."""
    _, _, written = yamlfile.dump({"name": word}).strip().partition(": ")

    assert written[0] == written[-1]
    assert written[0] in "'\""


def test_a_script_can_find_its_key() -> None:
    """Users' pre_run.sh and post_run.sh edit by line: one key a line, unquoted, unfolded."""
    long = "a, " * 300
    text = yamlfile.dump({"num_tokens": 16, "seeds": long.strip(), "dirs": ["/a", "/b"]})

    assert "num_tokens: 16\n" in text
    assert len(text.splitlines()) == 5


def test_the_comments_at_the_top_stay() -> None:
    """One of them says where the file is from."""
    assert yamlfile.head_of("# a\n# b\nc: 1\n# d\n") == "# a\n# b\n"
    assert yamlfile.head_of("# a\n") == "# a\n"
    assert yamlfile.head_of("") == ""


@pytest.mark.parametrize("text", ["a: [", "- 1", "text", "a: !!python/object:os.system x", "a: *nowhere"])
def test_what_is_no_mapping_is_an_error_in_one_line(text: str) -> None:
    """It becomes the container's last words."""
    with pytest.raises(yamlfile.YamlError) as caught:
        yamlfile.load(text)

    assert "\n" not in str(caught.value)


# Options files.


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("-XX:+UseG1GC", "-XX:-UseG1GC"),
        ("-XX:MaxGCPauseMillis=1", "-XX:MaxGCPauseMillis=2"),
        ("-Da=1", "-Da=2"),
        ("-Xmx1G", "-Xmx2G"),
        ("-ea", "-da"),
    ],
)
def test_two_lines_that_set_the_same_do_not_stand_side_by_side(one: str, other: str) -> None:
    """The JVM would take the later one, and a reader the earlier."""
    file = OptionsFile(one)
    file.put(other)

    assert file.active() == [other]
    assert name_of(one) == name_of(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("-Dab=1", "-Da=1"),
        ("-Xms1G", "-Xmx1G"),
        ("--add-opens a=ALL", "--add-opens b=ALL"),
        ("-javaagent:a.jar", "-javaagent:b.jar"),
    ],
)
def test_lines_that_set_two_things_both_stay(one: str, other: str) -> None:
    """A flag without a name of its own is one only with itself."""
    file = OptionsFile(one)
    file.put(other)

    assert file.active() == [one, other]


_LINES = st.sampled_from(["-ea", "-da", "-Xmx1G", "-Xmx2G", "-Da=1", "-Da=2", "# text", "", " -Xms1G"])


@given(st.lists(_LINES), st.lists(_LINES.filter(lambda line: line.startswith("-"))))
def test_the_last_word_stands_and_stands_once(original: list[str], wishes: list[str]) -> None:
    """Whatever was in the file; the file's own text is all still there; writing again changes nothing."""
    file = OptionsFile("\n".join(original))
    for line in wishes:
        file.put(line)
    again = OptionsFile(file.text())
    for line in wishes:
        again.put(line)

    for line in wishes:
        last = [wish for wish in wishes if name_of(wish) == name_of(line)][-1]
        assert {kept for kept in file.active() if name_of(kept) == name_of(line)} == {last}
    assert sorted(again.active()) == sorted(file.active())
    assert all(line in file.text() for line in original)


# cassandra.yaml over the image's own.


@pytest.mark.parametrize("image", ["3.11", "5.0"])
def test_an_unknown_parameter_passes(image: str) -> None:
    """Cassandra has its own word for it; a new release must not wait for a new operator."""
    read = yaml.safe_load(
        rendered(image, {"cassandra-yaml": {"brand_new": {"a": [1]}}}).files["cassandra.yaml"]
    )

    assert read["brand_new"] == {"a": [1]}


def test_a_parameter_of_the_image_has_one_name_too() -> None:
    """4.1 and later still read the old names, and some images write them: the user's word is over both."""
    old = {
        "cassandra.yaml": "read_request_timeout_in_ms: 1\nauto_snapshot: true\n",
        "jvm-server.options": "-ea\n",
    }
    read = yaml.safe_load(
        rendered(
            "5.0",
            {"cassandra-yaml": {"read_request_timeout": "9s"}},
            originals=old | {"cassandra_latest.yaml": ""},
        ).files["cassandra.yaml"]
    )

    assert read["read_request_timeout"] == "9s"
    assert "read_request_timeout_in_ms" not in read
    assert read["auto_snapshot"] is True


def test_what_the_image_says_wrongly_is_left_to_cassandra() -> None:
    """A value that cannot be translated passes with its name, unless the user has a better one."""
    image = {"cassandra.yaml": "read_request_timeout: soon\n", "jvm-server.options": "-ea\n"}
    files = rendered("4.0", originals=image)

    assert yaml.safe_load(files.files["cassandra.yaml"])["read_request_timeout"] == "soon"


@pytest.mark.parametrize(
    ("section", "missing"),
    [
        (
            {"cassandra-env-sh": {"malloc-arena-max": 2}},
            "cassandra-env-sh: the Cassandra image has no cassandra-env.sh",
        ),
        ({"jvm-clients-options": {"additional-jvm-opts": ["-ea"]}}, "has no jvm-clients.options"),
        ({"jvm11-server-options": {"max_gc_pause_millis": 1}}, "has no jvm11-server.options"),
    ],
)
def test_a_wish_for_a_file_that_the_image_lacks_is_refused(section: dict[str, Any], missing: str) -> None:
    """There is nothing that it could be put into."""
    image = {"cassandra.yaml": "", "jvm-server.options": "-ea\n"}

    assert missing in problems("4.0", section, originals=image)[0]


def test_a_wish_for_logging_without_its_file_is_told() -> None:
    """CassKop adds one to every cluster, so it is no reason to stop."""
    image = {"cassandra.yaml": "", "jvm-server.options": "-ea\n"}
    files = rendered("4.0", {"logback-xml": {"debuglog-enabled": False}}, originals=image)

    assert files.warnings == (
        "logback-xml.debuglog-enabled: not used: the Cassandra image has no logback.xml",
    )


@pytest.mark.parametrize("image", ["4.0", "5.0"])
@pytest.mark.parametrize(
    "name", ["num_tokens", "read_request_timeout", "read_request_timeout_in_ms", "brand_new"]
)
def test_null_takes_a_parameter_out(image: str, name: str) -> None:
    """Cassandra refuses to start with a null for most of them; without the line its own default holds."""
    read = yaml.safe_load(rendered(image, {"cassandra-yaml": {name: None}}).files["cassandra.yaml"])

    assert name not in read
    assert not name.startswith("read_") or not [key for key in read if key.startswith("read_request")]


def test_null_takes_a_member_out() -> None:
    """Of the image's mapping, whose other members stay."""
    wish = {"cassandra-yaml": {"client_encryption_options": {"optional": None}}}
    read = yaml.safe_load(rendered("5.0", wish).files["cassandra.yaml"])

    assert read["client_encryption_options"] == {"enabled": False}


@pytest.mark.parametrize(
    ("image", "name", "value"),
    [
        ("5.0", "sstable_preemptive_open_interval", None),
        ("4.0", "sstable_preemptive_open_interval_in_mb", -1),
        ("4.1", "index_summary_resize_interval", None),
        ("3.11", "index_summary_resize_interval_in_minutes", -1),
    ],
)
def test_null_turns_off_what_it_can_turn_off(image: str, name: str, value: object) -> None:
    """These two have a default that null is not; older versions say it with a number."""
    new = "sstable_preemptive_open_interval" if "sstable" in name else "index_summary_resize_interval"
    read = yaml.safe_load(rendered(image, {"cassandra-yaml": {new: None}}).files["cassandra.yaml"])

    assert name in read
    assert read[name] == value


def test_a_secret_in_a_wrong_value_is_not_shown() -> None:
    """Refusals go to events and status; a value goes there only where it is a size or a time."""
    told = problems(
        "5.0",
        {
            "cassandra-yaml": {"listen_address": "s3cret"},
            "jvm-options": {"cassandra_triggers_dir": "s3 cret", "additional-jvm-opts": ["s3cret"]},
            "cassandra-env-sh": {"additional-jvm-opts": "s3cret"},
            "logback-xml": {"root-log-level": "s3cret"},
        },
    )

    assert len(told) == 4
    assert "cret" not in "".join(told)


def test_deep_nonsense_is_no_traceback() -> None:
    """A line names the variable."""
    told = problems("5.0", data="[" * 100_000)

    assert told[0].startswith("CONFIG_FILE_DATA: it is no JSON")


# Findings.


def test_a_place_is_a_path() -> None:
    """As a user would write it to find it in the CR's config."""
    findings = Findings()
    findings.at("logback-xml").at("loggers").item(3).problem("no name")
    findings.at("jvm-options").warning("old")

    assert findings.problems == ["logback-xml.loggers[3]: no name"]
    assert findings.warnings == ["jvm-options: old"]


def test_only_a_near_name_is_suggested() -> None:
    """A guess that is far off would mislead."""
    assert did_you_mean("max_heap_sise", ["max_heap_size", "x"]) == " (did you mean max_heap_size?)"
    assert did_you_mean("colour", ["max_heap_size"]) == ""
