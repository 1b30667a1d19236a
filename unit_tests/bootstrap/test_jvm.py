"""What the JVM options of CONFIG_FILE_DATA become, in the files of each version and each Java."""

from __future__ import annotations

from typing import Any

import pytest

from controller.bootstrap import jvmtable
from controller.bootstrap.jvmflags import MORE
from controller.bootstrap.jvmtable import Kind, Option, Switch, Value
from controller.bootstrap.render import Problems, render
from unit_tests.bootstrap.imagefiles import IMAGES, flags, inputs, problems, rendered

SERVER = "jvm-server.options"
MAIN = {"3.11": "jvm.options", "4.0": SERVER, "4.1": SERVER, "5.0": SERVER}


def lines(image: str, sections: dict[str, Any], name: str | None = None) -> list[str]:
    """Return the flags of one file, by default the one for every Java, as the launcher reads them."""
    name = name or MAIN[image]
    return flags(rendered(image, sections).files.get(name, inputs(image).originals[name]))


@pytest.mark.parametrize("image", IMAGES)
def test_without_a_wish_the_images_files_stay(image: str) -> None:
    """Not one byte of them is written."""
    assert not [name for name in rendered(image).files if name.endswith(".options")]


# Heap.


@pytest.mark.parametrize("image", IMAGES)
@pytest.mark.parametrize(("option", "twin"), [("max_heap_size", "-Xms"), ("initial_heap_size", "-Xmx")])
def test_half_a_heap_is_made_whole(image: str, option: str, twin: str) -> None:
    """cassandra-env.sh ends Cassandra when only one of the two is set, so both are, and that is said."""
    files = rendered(image, {"jvm-options": {option: "1G"}})
    read = flags(files.files[MAIN[image]])

    assert "-Xms1G" in read
    assert "-Xmx1G" in read
    written = "-Xmx" if twin == "-Xms" else "-Xms"
    assert list(files.warnings) == [
        f"jvm-options.{option}: {written}1G alone keeps Cassandra from starting, so {twin}1G was added"
    ]


def test_a_value_that_the_image_has_already_is_replaced() -> None:
    """There is one line for each flag; the replaced one stays readable as a comment."""
    text = rendered("5.0", {"jvm-options": {"per_thread_stack_size": "512k"}}).files[SERVER]

    assert [line for line in flags(text) if line.startswith("-Xss")] == ["-Xss512k"]
    assert "# replaced by the configuration: -Xss256k\n" in text


def test_a_switch_goes_both_ways() -> None:
    """True puts the flag there, false takes the image's away; null is no wish."""
    flag = "-XX:+HeapDumpOnOutOfMemoryError"
    name = "heap_dump_on_out_of_memory_error"

    assert flag in lines("5.0", {"jvm-options": {name: True}})
    assert flag not in lines("5.0", {"jvm-options": {name: False}})
    assert flag in lines("5.0", {"jvm-options": {name: None}})


def test_a_flag_stands_behind_the_one_that_unlocks_it() -> None:
    """Else the JVM does not start."""
    wish = {"log_compilation": True, "debug_non_safepoints": True, "unlock_diagnostic_vm_options": True}
    read = lines("5.0", {"jvm-options": wish})

    assert read.index("-XX:+UnlockDiagnosticVMOptions") < read.index("-XX:+DebugNonSafepoints")
    assert read.index("-XX:+UnlockDiagnosticVMOptions") < read.index("-XX:+LogCompilation")


# Collectors.


def test_another_collector_takes_the_place_of_the_images() -> None:
    """With all that was said for the old one; two collectors keep a JVM from starting."""
    read = lines("5.0", {"jvm-options": {"garbage_collector": "ZGC"}}, "jvm17-server.options")

    assert read == [
        "--add-exports java.base/jdk.internal.misc=ALL-UNNAMED",
        "-XX:+UnlockExperimentalVMOptions",
        "-XX:+UseZGC",
    ]


def test_a_collector_is_set_where_its_java_has_it() -> None:
    """CMS went with Java 14; the file of Java 8 gets what belongs to it there."""
    sections = {"jvm-options": {"garbage_collector": "CMS", "survivor_ratio": 4}}

    assert "-XX:+UseParNewGC" in lines("4.0", sections, "jvm8-server.options")
    assert "-XX:+UseConcMarkSweepGC" in lines("4.0", sections, "jvm11-server.options")
    assert "-XX:+UseParNewGC" not in lines("4.0", sections, "jvm11-server.options")
    assert "-XX:SurvivorRatio=4" in lines("4.0", sections, "jvm11-server.options")
    assert problems("5.0", sections) == (
        "jvm-options.garbage_collector: Java 17, which the Cassandra image may run, has no CMS",
    )


def test_tuning_of_a_collector_that_does_not_run_is_told() -> None:
    """It would keep some JVMs from starting, so it is left out."""
    files = rendered("5.0", {"jvm-options": {"survivor_ratio": 4}})

    assert "SurvivorRatio" not in "".join(files.files.values())
    assert files.warnings == (
        "jvm-options.survivor_ratio: not used with Java 11: it is CMS's, which is not chosen there",
        "jvm-options.survivor_ratio: not used with Java 17: it is CMS's, which is not chosen there",
    )


@pytest.mark.parametrize(
    ("section", "file", "others"),
    [
        ("jvm17-server-options", "jvm17-server.options", ("jvm11-server.options", SERVER)),
        ("jvm11-server-options", "jvm11-server.options", ("jvm17-server.options", SERVER)),
    ],
)
def test_a_section_for_one_java_is_for_that_one_only(
    section: str, file: str, others: tuple[str, ...]
) -> None:
    """And it is over what is said for all of them."""
    sections = {
        "jvm-options": {"max_gc_pause_millis": 100, "additional-jvm-opts": ["-Da=1"]},
        section: {"max_gc_pause_millis": 50, "additional-jvm-opts": ["-Db=2"]},
    }

    assert "-XX:MaxGCPauseMillis=50" in lines("5.0", sections, file)
    assert "-Db=2" in lines("5.0", sections, file)
    for other in others:
        assert "-XX:MaxGCPauseMillis=50" not in lines("5.0", sections, other)
        assert "-Db=2" not in lines("5.0", sections, other)


# The two names of the server's section: trap 43.


def test_both_names_of_the_servers_section_are_merged() -> None:
    """The one of the version in the image wins, and the loser is told; CassKop drops one of them whole."""
    sections = {
        "jvm-options": {"initial_heap_size": "1G", "max_heap_size": "4G", "per-thread-stack-size": "300k"},
        "jvm-server-options": {"max_heap_size": "2G"},
    }
    files = rendered("5.0", sections)

    assert {"-Xms1G", "-Xmx2G", "-Xss300k"} <= set(flags(files.files[SERVER]))
    assert files.warnings == (
        "jvm-options.max_heap_size: not used: jvm-server-options.max_heap_size says otherwise",
    )
    older = lines("3.11", sections)
    assert {"-Xms1G", "-Xmx4G", "-Xss300k"} <= set(older)


# JMX: trap 99.


def test_jmx_stays_on_loopback_unless_it_is_opened() -> None:
    """CassKop's CONFIG_FILE_DATA opens it; whoever reads the log is told, and how to close it."""
    for section in ({}, {"jmx-connection-type": "local-no-auth"}):
        assert "jmx" not in "".join(lines("5.0", {"jvm-options": section}))
    opened = rendered("5.0", {"jvm-options": {"jmx-connection-type": "remote-no-auth"}})

    assert "-Dcassandra.jmx.remote.port=7199" in flags(opened.files[SERVER])
    assert "without a password" in opened.warnings[0]


def test_jmx_over_tls() -> None:
    """With the flags that only the user knows."""
    read = lines(
        "5.0",
        {
            "jvm-options": {
                "jmx-connection-type": "remote-no-auth",
                "jmx-remote-ssl": True,
                "jmx-remote-ssl-require-client-auth": "true",
                "jmx-remote-ssl-opts": ["-Djavax.net.ssl.keyStore=/etc/tls/store"],
            }
        },
    )

    assert read[-4:] == [
        "-Dcom.sun.management.jmxremote.ssl=true",
        "-Dcom.sun.management.jmxremote.registry.ssl=true",
        "-Dcom.sun.management.jmxremote.ssl.need.client.auth=true",
        "-Djavax.net.ssl.keyStore=/etc/tls/store",
    ]


# What is refused.


@pytest.mark.parametrize(
    ("image", "sections", "line"),
    [
        ("5.0", {"jvm-options": {"max_heap": "1G"}}, "jvm-options.max_heap: no such option (did you mean "),
        ("5.0", {"jvm-options": {"max_heap_size": "1 G"}}, "jvm-options.max_heap_size: it has to be a size"),
        ("5.0", {"jvm-options": {"max_heap_size": True}}, "jvm-options.max_heap_size: it has to be a size"),
        ("5.0", {"jvm-options": {"max_heap_size": ["1G"]}}, "jvm-options.max_heap_size: it has to be a size"),
        (
            "5.0",
            {"jvm-options": {"cassandra_ring_delay_ms": "30s"}},
            "jvm-options.cassandra_ring_delay_ms: it has to be a whole number",
        ),
        (
            "5.0",
            {"jvm-options": {"enable_assertions": "on"}},
            "jvm-options.enable_assertions: it has to be true or false",
        ),
        (
            "5.0",
            {"jvm-options": {"cassandra_triggers_dir": "a b"}},
            "jvm-options.cassandra_triggers_dir: it has to be a text without blanks",
        ),
        (
            "5.0",
            {"jvm-options": {"additional-jvm-opts": "-Da=b"}},
            "jvm-options.additional-jvm-opts: it has to be a list of flags",
        ),
        (
            "5.0",
            {"jvm-options": {"additional-jvm-opts": ["-Da=b", "c", 1]}},
            "jvm-options.additional-jvm-opts[1]: it has to be one flag that starts with -",
        ),
        (
            "5.0",
            {"jvm-options": {"additional-jvm-opts": ["-Da\n-Db"]}},
            "jvm-options.additional-jvm-opts[0]: it has to be one flag that starts with -",
        ),
        (
            "5.0",
            {"jvm-options": {"max-heap-size": "1G", "max_heap_size": "2G"}},
            "jvm-options.max_heap_size: it is there twice, with - and with _, and with two values",
        ),
        (
            "5.0",
            {"jvm-options": {"cassandra_config_directory": "/etc"}},
            "jvm-options.cassandra_config_directory: Cassandra reads /etc/cassandra in these pods",
        ),
        (
            "5.0",
            {"jvm-options": {"print_gc_details": True}},
            "jvm-options.print_gc_details: only Java 8 has this",
        ),
        (
            "5.0",
            {"jvm-options": {"garbage_collector": "Serial"}},
            "jvm-options.garbage_collector: it has to be one of CMS, G1GC, ZGC, Shenandoah, Graal",
        ),
        (
            "4.0",
            {"jvm17-server-options": {"max_gc_pause_millis": 5}},
            "jvm17-server-options: the Cassandra image has no jvm17-server.options",
        ),
        ("5.0", {"jvm-options": {"jmx-port": 7200}}, "jvm-options.jmx-port: it has to be 7199"),
        (
            "5.0",
            {"jvm-options": {"jmx-connection-type": "remote-dse-unified-auth"}},
            "jvm-options.jmx-connection-type: it has to be local-no-auth or remote-no-auth",
        ),
        (
            "5.0",
            {"jvm-clients-options": {"additional-jvm-opts": ["-Da"]}},
            "jvm-clients-options.additional-jvm-opts: the Cassandra image has no jvm-clients.options",
        ),
        (
            "4.0",
            {"jvm-clients-options": {"max_heap_size": "1G"}},
            "jvm-clients-options.max_heap_size: only additional-jvm-opts is known here",
        ),
    ],
)
def test_a_wrong_wish_is_refused_by_its_place(image: str, sections: dict[str, Any], line: str) -> None:
    """Before Cassandra is started with it: the JVM would say less, and only in its own log."""
    assert problems(image, sections)[0].startswith(line)


def test_the_tools_get_their_own_flags() -> None:
    """The file of nodetool is another one than the server's."""
    sections = {"jvm-clients-options": {"additional-jvm-opts": ["-Xmx64m"]}}

    assert flags(rendered("4.0", sections).files["jvm-clients.options"]) == ["-ea", "-Xmx64m"]


# Nothing is dropped in silence.

_OPTIONS: dict[str, Option] = {
    **jvmtable.GENERAL,
    **jvmtable.MODULES,
    **jvmtable.JAVA_8,
    **jvmtable.TUNING["G1GC"],
    **jvmtable.TUNING["CMS"],
}
# The image's files have the flags of these already.
_THERE_ALREADY = {"enable_assertions", "heap_dump_on_out_of_memory_error", "always_pre_touch"}
_SAMPLES: dict[Kind, object] = {Kind.WORD: "word", Kind.WHOLE: 7, Kind.SIZE: "7M", Kind.YES_NO: False}


@pytest.mark.parametrize("image", IMAGES)
@pytest.mark.parametrize("name", sorted(_OPTIONS))
def test_every_named_option_is_used_or_spoken_of(image: str, name: str) -> None:
    """On any image: its flag is in a file, or a line of warning or refusal names it."""
    match _OPTIONS[name]:
        case Value(prefix=prefix, kind=kind):
            value = _SAMPLES[kind]
            flag = f"{prefix}{str(value).lower() if kind is Kind.YES_NO else value}"
        case Switch(flag=flag):
            value = True

    told, read = outcome(image, {name: value})

    assert any(name in line for line in told) or flag in read


@pytest.mark.parametrize("java", [11, 17])
@pytest.mark.parametrize("name", sorted({*_OPTIONS, *jvmtable.JMX, jvmtable.GARBAGE_COLLECTOR}))
def test_every_option_for_one_java_is_used_or_spoken_of(java: int, name: str) -> None:
    """What that Java does not have, or what is for every Java, is not lost in its section."""
    value: object = "CMS" if name == jvmtable.GARBAGE_COLLECTOR else True
    match _OPTIONS.get(name):
        case Value(kind=kind):
            value = _SAMPLES[kind]
    told, read = outcome("5.0", {name: value}, f"jvm{java}-server-options")
    before = outcome("5.0", {}, "jvm-options")[1]

    assert any(name in line for line in told) or read != before or name in _THERE_ALREADY


@pytest.mark.parametrize("image", IMAGES)
@pytest.mark.parametrize(
    ("wish", "flag"),
    [
        ({"jmx_remote_ssl": True}, "-Dcom.sun.management.jmxremote.ssl=true"),
        ({"jmx_remote_ssl_require_client_auth": True}, "ssl.need.client.auth=true"),
        ({"jmx_remote_ssl_opts": ["-Da=b"]}, "-Da=b"),
        (
            {"jmx_connection_type": "remote-no-auth", "jmx_remote_ssl_require_client_auth": True},
            "ssl.need.client.auth=true",
        ),
        ({"jmx_connection_type": "local-no-auth", "jmx_remote_ssl": True}, "jmxremote.ssl=true"),
    ],
)
def test_every_option_of_jmx_is_used_or_spoken_of(image: str, wish: dict[str, object], flag: str) -> None:
    """A user who asked for TLS must not believe that there is some."""
    told, read = outcome(image, wish)

    assert any("jmx_remote_ssl" in line for line in told) or any(flag in line for line in read)


def outcome(
    image: str, wish: dict[str, object], section: str = "jvm-options"
) -> tuple[tuple[str, ...], list[str]]:
    """Return the lines of warning or refusal, and the flags of all files."""
    result = render(inputs(image, {section: wish}))
    if isinstance(result, Problems):
        return result.lines, []
    texts = {**inputs(image).originals, **result.files}
    return result.warnings, [
        line for name, text in texts.items() if name.endswith(".options") for line in flags(text)
    ]


def test_the_table_has_no_name_twice() -> None:
    """A name means one flag."""
    names = [
        *jvmtable.GENERAL,
        *jvmtable.MODULES,
        *jvmtable.JAVA_8,
        *jvmtable.TUNING["G1GC"],
        *jvmtable.TUNING["CMS"],
        *jvmtable.JMX,
        *jvmtable.REFUSED,
        jvmtable.GARBAGE_COLLECTOR,
        MORE,
    ]

    assert len(names) == len(set(names))
