"""`casskop bootstrap`: the steps of a container, what they leave, and how one that must not go on ends."""

from __future__ import annotations

import os
from pathlib import Path
import signal
import stat
import subprocess
import sys
import time

import pytest
import yaml

from controller.bootstrap.node import read_settings
from controller.bootstrap.refusal import RefusedError
from controller.bootstrap.render import MARK
from controller.bootstrap.seeds import WORD_SECONDS, Reach, Seen
from unit_tests.bootstrap.imagefiles import IMAGES
from unit_tests.bootstrap.nodebench import CREDENTIALS, ENVIRONMENT, NORMAL, POD, SEEDS, UNRESOLVED, Bench

REPLACE = "CASSANDRA_REPLACE_NODE"


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """Return a fresh pod of a new cluster, the first of its seeds."""
    return Bench(tmp_path / "pod")


def seeds_of(bench: Bench) -> str:
    """Return the seeds that Cassandra will read."""
    provider = yaml.safe_load(bench.conf("cassandra.yaml"))["seed_provider"]
    seeds: str = provider[0]["parameters"][0]["seeds"]
    return seeds


# What a run leaves.


def test_everything_is_in_its_place(bench: Bench) -> None:
    """Scripts that can be run, agents under the names that cassandra-env.sh has, settings, seeds."""
    assert bench.run() == 0

    for name in ("startup-probe.sh", "readiness-probe.sh", "liveness-probe.sh", "pre-stop.sh"):
        assert stat.S_IMODE((bench.paths.conf / name).stat().st_mode) == 0o755
    assert (bench.paths.libraries / "jolokia-agent.jar").read_bytes() == b"jolokia"
    assert (bench.paths.libraries / "jmx_prometheus_javaagent.jar").read_bytes() == b"metrics"
    assert "host=10.0.0.7\n" in bench.conf("jolokia.properties")
    assert "cassandra_storage_load_bytes" in bench.conf("metrics.yaml")
    assert bench.conf("cassandra-env.sh").count("-javaagent:") == 2
    assert seeds_of(bench) == ",".join(SEEDS)
    assert bench.said[-1] == f"bootstrap: ready to start with seeds {','.join(SEEDS)}\n"
    assert bench.last_words == ""


def test_nothing_else_of_the_configuration_changes(bench: Bench) -> None:
    """The rendered cassandra.yaml keeps its parameters, their order, and the line that says whence it is."""
    before = yaml.safe_load(bench.conf("cassandra.yaml"))
    bench.run()
    after = yaml.safe_load(bench.conf("cassandra.yaml"))

    assert list(after) == list(before)
    assert after | {"seed_provider": 0} == before | {"seed_provider": 0}
    assert bench.conf("cassandra.yaml").startswith(f"# {MARK}\n")


@pytest.mark.parametrize("image", IMAGES)
def test_running_again_leaves_the_same(tmp_path: Path, image: str) -> None:
    """The kubelet may restart a container at any moment, and does so after each refusal."""
    bench = Bench(tmp_path / "pod", image=image)
    environment = CREDENTIALS | {REPLACE: "10.0.0.9"}
    bench.seen = {0.0: NORMAL}
    assert bench.run(**environment) == 0
    first = bench.texts()
    assert bench.run(**environment) == 0

    assert bench.texts() == first


def test_agents_can_be_turned_off(bench: Bench) -> None:
    """By the variables that CassKop's image has."""
    bench.run(CASSANDRA_ENABLE_JOLOKIA="false", CASSANDRA_EXPORTER_AGENT="False")

    assert "-javaagent" not in bench.conf("cassandra-env.sh")


def test_another_seed_provider_can_be_named(bench: Bench) -> None:
    """As in CassKop."""
    bench.run(CASSANDRA_SEED_PROVIDER="org.example.Provider")

    assert yaml.safe_load(bench.conf("cassandra.yaml"))["seed_provider"] == [
        {"class_name": "org.example.Provider", "parameters": [{"seeds": ",".join(SEEDS)}]}
    ]


# Secrets.


def test_the_password_is_in_two_files_of_cassandras_user_and_nowhere_else(bench: Bench) -> None:
    """Trap 100: not in cassandra-env.sh, hence in no command line; not in a probe; not in the log."""
    assert bench.run(**CREDENTIALS) == 0

    encoded = "Y2Fzc2tvcDpjYW5hcnktNDcxMQ=="
    holders = {name for name, text in bench.texts().items() if b"4711" in text or encoded.encode() in text}
    assert holders == {"conf/jolokia.properties", "conf/jolokia.auth"}
    assert {stat.S_IMODE((bench.root / name).stat().st_mode) for name in holders} == {0o600}
    assert "4711" not in "".join(bench.said)


def test_without_a_secret_that_is_said_and_old_credentials_go(bench: Bench) -> None:
    """A probe with outdated ones would be refused by nobody, and would tell them to anybody."""
    bench.run(**CREDENTIALS)
    bench.said.clear()
    bench.run()

    assert not (bench.paths.conf / "jolokia.auth").exists()
    assert "password" not in bench.conf("jolokia.properties")
    assert "warning: Jolokia asks nobody for a password" in bench.said[0]


# Waiting for leave to start.


def test_a_node_waits_for_its_seeds_and_says_for_what(tmp_path: Path) -> None:
    """One line at once and one each ten seconds; then it starts as soon as a seed is NORMAL."""
    starting = Seen(reach=Reach.ANSWERS, mode="STARTING")
    bench = Bench(tmp_path / "pod", seen={0.0: UNRESOLVED, 12.0: starting, 25.0: NORMAL})
    bench.join("demo-dc1-rack2-0")

    assert bench.run() == 0
    assert bench.now == 26.0
    waits = [line for line in bench.said if "waits" in line]
    assert [line.split("waits ")[1].split(":")[0] for line in waits] == ["(0 s)", "(10 s)", "(20 s)"]
    assert "demo-dc1-rack2-0.demo.ns: it answers: STARTING" in waits[-1]
    assert seeds_of(bench) == SEEDS[1]
    assert set(bench.asked) == {SEEDS[1:]}


def test_a_wait_that_is_in_vain_ends_with_its_reason(bench: Bench) -> None:
    """After five minutes, with exit code 1 and words that the operator can quote from the pod's status."""
    bench.join("demo-dc1-rack2-0", POD)

    assert bench.run() == 1
    assert 300 <= bench.now <= 302
    assert bench.last_words.startswith(
        "must not start: no seed has been NORMAL for 300 s. demo-dc1-rack2-0 has"
    )
    assert "demo-dc1-rack2-0.demo.ns: its name does not resolve" in bench.last_words
    assert bench.said[-1] == f"bootstrap: {bench.last_words}\n"
    assert "-javaagent" not in bench.conf("cassandra-env.sh")


def test_the_record_is_read_anew_at_each_look(bench: Bench) -> None:
    """The operator may write it while the container waits; a second ring begins in just that gap."""
    bench.join()
    bench.seen = {0.0: Seen(reach=Reach.ANSWERS, mode="JOINING"), 4.0: UNRESOLVED}
    bench.records = {2.0: ("demo-dc1-rack2-0",)}

    assert bench.run() == 1
    assert "demo-dc1-rack2-0 has joined a ring before" in bench.last_words


def test_a_record_that_cannot_be_read_is_refused_at_once(bench: Bench) -> None:
    """Not known must not pass for nobody."""
    bench.paths.joined.write_text("{")

    assert bench.run() == 1
    assert bench.last_words == "the record of joined pods is no JSON list of names"


def test_a_node_with_data_starts_with_its_whole_list(bench: Bench) -> None:
    """It looks for its data where cassandra.yaml of this very pod says."""
    bench.has_run()
    parameters = yaml.safe_load(bench.conf("cassandra.yaml"))
    parameters["data_file_directories"] = [str(bench.paths.data / "data")]
    (bench.paths.conf / "cassandra.yaml").write_text(yaml.safe_dump(parameters))
    bench.join(POD, "demo-dc1-rack2-0")

    assert bench.run() == 0
    assert bench.now == 30.0
    assert seeds_of(bench) == ",".join(SEEDS)


# Refusals.


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("cassandra.yaml", "has no cassandra.yaml; the Cassandra image has to bring one"),
        ("cassandra-env.sh", "has no cassandra-env.sh; the Cassandra image has to bring one"),
    ],
)
def test_a_file_that_is_missing_is_named(bench: Bench, name: str, says: str) -> None:
    """And whose business it is."""
    (bench.paths.conf / name).unlink()

    assert bench.run() == 1
    assert says in bench.last_words


@pytest.mark.parametrize("text", ["a: [", "- 1", "\udcff"])
def test_a_cassandra_yaml_that_is_none_is_refused(bench: Bench, text: str) -> None:
    """As when a pre_run.sh has spoilt it."""
    (bench.paths.conf / "cassandra.yaml").write_bytes(text.encode(errors="surrogateescape"))

    assert bench.run() == 1
    assert bench.last_words.startswith("failed: ")


@pytest.mark.parametrize("count", [0, 2])
def test_an_image_without_its_agents_is_refused(bench: Bench, count: int) -> None:
    """By the names that are looked for; two of one kind would leave it to chance which one runs."""
    jar = bench.paths.agents / "jolokia-jvm-1.7.2.jar"
    if count:
        (bench.paths.agents / "jolokia-jvm-1.7.1.jar").touch()
    else:
        jar.unlink()

    assert bench.run() == 1
    assert bench.last_words == (f"{bench.paths.agents} has to hold one jolokia-jvm-*.jar, and holds {count}")


def test_a_folder_that_cannot_be_written_is_told(bench: Bench) -> None:
    """The kubelet's words would be an exit code."""
    (bench.paths.libraries).write_text("a file where a folder has to be")

    assert bench.run() == 1
    assert bench.last_words.startswith("failed: ")
    assert "libraries" in bench.last_words


# The user's scripts.


def test_the_users_scripts_run_before_and_after(bench: Bench) -> None:
    """pre_run.sh may still decide on a start, post_run.sh has the last word on every file."""
    bench.script("pre_run.sh", "#!/bin/sh\ncp $CASSANDRA_CONF/cassandra.yaml $CASSANDRA_CONF/before\n")
    bench.script("post_run.sh", "#!/bin/sh\necho '# last' >> $CASSANDRA_CONF/cassandra-env.sh\n")

    assert bench.run(CASSANDRA_SEEDS=SEEDS[0]) == 0
    before = yaml.safe_load(bench.conf("before"))
    assert before["seed_provider"][0]["parameters"] == [{"seeds": ",".join(SEEDS)}]
    assert seeds_of(bench) == SEEDS[0]
    assert bench.conf("cassandra-env.sh").endswith("# <<< casskop: agents\n# last\n")
    assert [line for line in bench.said if "running" in line] == [
        "bootstrap: running pre_run.sh\n",
        "bootstrap: running post_run.sh\n",
    ]


def test_a_script_finds_the_folders_by_casskops_names(bench: Bench) -> None:
    """And everything else of the container's environment."""
    own = ("BOOTSTRAP_CONF", "BOOTSTRAP_LIBS", "BOOTSTRAP_TOOLS")
    names = ("CASSANDRA_CONF", "CASSANDRA_LIBS", "CASSANDRA_TOOLS", "CONFIGMAP", *own, "PATH")
    bench.script(
        "pre_run.sh",
        f"#!/bin/sh\nprintf '%s\\n' {' '.join(f'${name}' for name in names)} > $CONFIGMAP/seen\n",
    )
    bench.run()

    paths = bench.paths
    assert (paths.scripts / "seen").read_text().splitlines() == [
        str(paths.conf),
        str(paths.libraries),
        str(paths.tools),
        str(paths.scripts),
        str(paths.own),
        str(paths.agents),
        str(paths.tools),
        os.environ["PATH"],
    ]


@pytest.mark.parametrize(
    ("text", "mode"),
    [
        ("echo ran > $CASSANDRA_CONF/ran\n", 0o755),
        ("#!/bin/sh\necho ran > $CASSANDRA_CONF/ran\n", 0o644),
        ("#!/no/such/shell\necho ran > $CASSANDRA_CONF/ran\n", 0o755),
    ],
)
def test_a_script_without_interpreter_or_leave_is_run_by_sh(bench: Bench, text: str, mode: int) -> None:
    """As the shell of CassKop's image did."""
    bench.script("pre_run.sh", text, mode=mode)

    assert bench.run() == 0
    assert bench.conf("ran") == "ran\n"


@pytest.mark.parametrize("name", ["pre_run.sh", "post_run.sh"])
def test_a_line_for_another_pod_does_not_keep_this_one_from_starting(bench: Bench, name: str) -> None:
    """CassKop documents such lines, which end with 1 on every pod but one; the log tells of it."""
    flag = "-Dcassandra.replace_address_first_boot=10.0.0.9"
    line = f'test "$(hostname)" = "another-pod" && echo "{flag}" >> $CASSANDRA_CONF/jvm.options\n'
    bench.script(name, line)

    assert bench.run(CASSANDRA_SEEDS=SEEDS[0]) == 0
    assert f"bootstrap: warning: {name} ended with exit code 1\n" in bench.said
    assert bench.last_words == ""
    assert flag not in bench.conf("jvm-server.options")


@pytest.mark.parametrize("name", ["pre_run.sh", "post_run.sh"])
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("no-such-command", "ended with exit code 127: a command in it was not found; the log has which"),
        (
            "$CASSANDRA_CONF/cassandra.yaml",
            "ended with exit code 126: a command in it cannot be run; the log has which",
        ),
        ("kill -9 $$", "was ended by signal 9"),
    ],
)
def test_a_script_that_cannot_be_run_to_its_end_stops_the_start(
    bench: Bench, name: str, text: str, words: str
) -> None:
    """A node with half of its user's wishes would be a riddle."""
    bench.script(name, f"#!/bin/sh\n{text}\n")

    assert bench.run(CASSANDRA_SEEDS=SEEDS[0]) == 1
    assert bench.last_words == f"{name} {words}"


def test_other_files_of_the_configmap_have_no_effect(bench: Bench) -> None:
    """CassKop's documentation says otherwise; its code does not, and what worked goes on working."""
    before = bench.conf("logback.xml")
    bench.script("logback.xml", "<configuration/>")
    bench.script("cassandra.yaml", "num_tokens: 1\n")
    bench.run()

    assert bench.conf("logback.xml") == before
    assert yaml.safe_load(bench.conf("cassandra.yaml"))["num_tokens"] == 16


# Replacing a dead node: trap 45.


@pytest.mark.parametrize(
    ("image", "file"), [("3.11", "jvm.options"), ("4.0", "jvm-server.options"), ("5.0", "jvm-server.options")]
)
@pytest.mark.parametrize("address", ["10.0.0.9", "10.0.0.9/", "fd00::9"])
def test_a_replacement_is_told_to_the_file_that_is_read(
    tmp_path: Path, image: str, file: str, address: str
) -> None:
    """Without CassKop's slash, and such that a later restart does not replace again."""
    bench = Bench(tmp_path / "pod", image=image, seen={0.0: NORMAL})

    assert bench.run(**{REPLACE: address}) == 0
    flag = f"-Dcassandra.replace_address_first_boot={address.rstrip('/')}"
    assert flag in bench.conf(file).splitlines()
    # When the wish is withdrawn, so is the flag.
    bench.run()
    assert "replace_address" not in bench.conf(file)


def test_a_node_that_replaces_waits_for_the_ring(bench: Bench) -> None:
    """Though it is the first seed, and nobody is recorded."""
    assert bench.run(**{REPLACE: "10.0.0.9"}) == 1
    assert "a node that replaces another one needs a ring to do it in" in bench.last_words


def seen_there(bench: Bench) -> None:
    """Let Cassandra be configured to keep its data on the volume that the container sees."""
    yaml_file = bench.paths.conf / "cassandra.yaml"
    settings = yaml.safe_load(yaml_file.read_text())
    yaml_file.write_text(
        yaml.safe_dump({**settings, "data_file_directories": [str(bench.paths.data / "data")]})
    )


def test_a_lost_disk_takes_the_place_that_the_operator_records(tmp_path: Path) -> None:
    """Whenever that word comes, before the pod or while it waits; for this pod alone, and no other disk."""
    flag = "-Dcassandra.replace_address_first_boot=10.0.0.9"
    bench = Bench(tmp_path / "pod", seen={0.0: NORMAL})
    seen_there(bench)
    bench.join(POD, "demo-dc1-rack2-0")
    bench.paths.replaces.write_text('{"demo-dc1-rack2-0": "10.0.0.8"}')

    assert bench.run() == 0
    assert bench.now >= WORD_SECONDS
    assert "replace_address" not in bench.conf("jvm-server.options")

    bench.paths.replaces.write_text(f'{{"{POD}": "10.0.0.9"}}')
    before = bench.now
    assert bench.run() == 0
    assert bench.now == before
    assert flag in bench.conf("jvm-server.options").splitlines()

    bench.has_run()
    assert bench.run() == 0
    assert "replace_address" not in bench.conf("jvm-server.options")


def test_a_record_of_replaced_nodes_that_cannot_be_read_is_refused(bench: Bench) -> None:
    """To take it for an empty one would be to join beside the dead node."""
    bench.seen = {0.0: NORMAL}
    seen_there(bench)
    bench.paths.replaces.write_text("[1]")

    assert bench.run() == 1
    assert "the record of replaced nodes is no JSON object of addresses" in bench.last_words


def test_what_the_plugin_writes_reaches_cassandra_4(bench: Bench) -> None:
    """CassKop's plugin appends to jvm.options, which 4.0 and later do not read: it is carried over."""
    bench.script(
        "pre_run.sh",
        "echo '-Dcassandra.replace_address_first_boot=10.0.0.9' >> $CASSANDRA_CONF/jvm.options\n",
    )
    assert bench.run() == 1
    assert "needs a ring" in bench.last_words
    bench.seen = {0.0: NORMAL}

    assert bench.run() == 0
    assert "-Dcassandra.replace_address_first_boot=10.0.0.9" in bench.conf("jvm-server.options").splitlines()
    assert (
        "bootstrap: replaces 10.0.0.9, as jvm-server.options tells Cassandra on its first start\n"
        in bench.said
    )


def test_a_flag_of_the_users_own_is_left_as_it_is(tmp_path: Path) -> None:
    """It is heeded, and not said twice."""
    bench = Bench(tmp_path / "pod", image="3.11", seen={0.0: NORMAL})
    bench.script("pre_run.sh", "echo '-Dcassandra.replace_address=10.0.0.9' >> $CASSANDRA_CONF/jvm.options\n")

    assert bench.run() == 0
    lines = [line for line in bench.conf("jvm.options").splitlines() if "replace_address" in line]
    assert lines == ["-Dcassandra.replace_address=10.0.0.9"]


@pytest.mark.parametrize(
    ("script", "environment", "says"),
    [
        ("10.0.0.9 10.0.0.8", {}, "jvm.options replaces more than one node: 10.0.0.8, 10.0.0.9"),
        ("10.0.0.9", {REPLACE: "10.0.0.8"}, "it cannot replace more than one node: 10.0.0.8, 10.0.0.9"),
        ("$(id)", {}, "the replaced node in jvm.options is no address"),
    ],
)
def test_a_doubtful_replacement_is_refused(
    bench: Bench, script: str, environment: dict[str, str], says: str
) -> None:
    """A wrong one costs a replica."""
    lines = (
        f"echo '-Dcassandra.replace_address={word}' >> $CASSANDRA_CONF/jvm.options\n"
        for word in script.split()
    )
    bench.script("pre_run.sh", "".join(lines))

    assert bench.run(**environment) == 1
    assert bench.last_words == says


def test_a_replacement_without_an_options_file_is_refused(bench: Bench) -> None:
    """A node that forgets whom it replaces joins as one more."""
    (bench.paths.conf / "jvm-server.options").unlink()
    bench.seen = {0.0: NORMAL}

    assert bench.run(**{REPLACE: "10.0.0.9"}) == 1
    assert bench.last_words == "replacing 10.0.0.9 needs jvm-server.options or jvm.options, and there is none"


# The environment.


def test_the_settings_of_a_pod() -> None:
    """As the operator's template gives them."""
    settings = read_settings(ENVIRONMENT | CREDENTIALS | {"CASSANDRA_SEEDS": " a, b\n,c "})

    assert (settings.me.pod, settings.me.namespace, settings.me.address) == (POD, "ns", "10.0.0.7")
    assert settings.seeds == ("a", "b", "c")
    assert settings.jolokia
    assert settings.metrics
    assert settings.replaces == ""
    assert "4711" not in repr(settings)


def test_casskops_template_is_enough() -> None:
    """It names neither pod nor namespace: the host name is the pod's."""
    settings = read_settings({"HOSTNAME": POD, "POD_IP": "10.0.0.7", "CASSANDRA_SEEDS": "a"})

    assert (settings.me.pod, settings.me.namespace) == (POD, "")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"POD_IP": ""}, "POD_IP and POD_NAME have to be set"),
        ({"POD_NAME": ""}, "POD_IP and POD_NAME have to be set"),
        ({"CASSANDRA_ENABLE_JOLOKIA": "maybe"}, "CASSANDRA_ENABLE_JOLOKIA has to be true or false"),
        ({"CASSANDRA_AUTH_JOLOKIA": "1"}, "CASSANDRA_AUTH_JOLOKIA has to be true or false"),
        ({**CREDENTIALS, "JOLOKIA_PASSWORD": ""}, "JOLOKIA_USER or JOLOKIA_PASSWORD is empty"),
        ({**CREDENTIALS, "JOLOKIA_USER": "a:b"}, "JOLOKIA_USER has a colon in it"),
        ({REPLACE: "10.0.0.9 10.0.0.8"}, "CASSANDRA_REPLACE_NODE is no address"),
    ],
)
def test_a_wrong_variable_is_named_and_not_shown(changes: dict[str, str], says: str) -> None:
    """Its value might be a secret."""
    with pytest.raises(RefusedError) as caught:
        read_settings(ENVIRONMENT | changes)

    assert says in str(caught.value)
    assert "4711" not in str(caught.value)


# The program.

_PROGRAM = """
import pathlib, sys
from controller.bootstrap import node
root = pathlib.Path(sys.argv[1])
names = ("conf", "libraries", "tools", "scripts", "data", "agents")
paths = {name: root / name for name in names} | {"joined": root / "ring/joined"}
sys.exit(node.main(node.Paths(**paths, termination_log=root / "termination-log")))
"""


def test_a_waiting_container_ends_when_it_is_told_to(bench: Bench) -> None:
    """The first process of a container gets no default for TERM; a deleted pod must not take half an hour."""
    bench.join("demo-dc1-rack2-0")
    program = subprocess.Popen(  # noqa: S603 -- our own
        [sys.executable, "-c", _PROGRAM, str(bench.root)],
        env=os.environ | ENVIRONMENT | {"CASSANDRA_SEEDS": "no..such,name..either"},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert program.stdout is not None
        said = ""
        while "waits (0 s)" not in said:
            said = program.stdout.readline()
            assert said, "it ended before it waited"
        began = time.monotonic()
        program.send_signal(signal.SIGTERM)
        code = program.wait(10)
    finally:
        program.kill()
        program.communicate()

    assert code == 128 + signal.SIGTERM
    assert time.monotonic() - began < 5
