"""The program itself: as one file, through a real kubectl, and what a shell is told for completion."""

from __future__ import annotations

from collections.abc import Iterator
import os
from pathlib import Path
import shutil
import subprocess
import sys

import pytest
import yaml

from controller.plugin import single_file
from controller.plugin.__main__ import COMMANDS, command_parser, main
from controller.plugin.completion import offers
from e2e.samples import sample
from e2e.simkube.server import kubeconfig_text
from unit_tests.plugin.conftest import served

FIRST = "demo-dc1-rack1-0"


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The plugin as one file."""
    target = tmp_path_factory.mktemp("plugin") / "kubectl-casskop"
    single_file.build(target)
    return target


@pytest.fixture(scope="module")
def kubeconfig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A kubeconfig for a simulated Kubernetes with the sample's ring in it."""
    if shutil.which("kubectl") is None:
        pytest.skip("no kubectl on PATH: the plugin's way through it was not checked")
    with served(ring=True) as (_, url):
        path = tmp_path_factory.mktemp("kube") / "config"
        path.write_text(kubeconfig_text(url))
        yield path


def run(program: Path, *words: str, kubeconfig: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run the file with a Python that sees no installed libraries."""
    env = {**os.environ, **({"KUBECONFIG": str(kubeconfig)} if kubeconfig else {})}
    return subprocess.run(  # noqa: S603 -- the program under test
        [sys.executable, "-I", "-S", str(program), *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=env,
    )


def test_one_file_needs_nothing_but_python(program: Path) -> None:
    """It starts without any library installed, and its help lists every command."""
    said = run(program, "--help")

    assert said.returncode == 0, said.stderr
    assert all(f"\n  {c.name} " in said.stdout for c in COMMANDS)


@pytest.mark.parametrize("name", [c.name for c in COMMANDS])
def test_each_command_has_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """`--help` says of every argument what it is for."""
    with pytest.raises(SystemExit) as end:
        main([name, "--help"])

    assert end.value.code == 0
    assert "usage: kubectl casskop" in capsys.readouterr().out
    command = next(c for c in COMMANDS if c.name == name)
    assert all(action.help for action in command_parser(command)._actions)


def test_the_simulator_comes_along(program: Path, kubeconfig: Path, tmp_path: Path) -> None:
    """The one file plays a change on a saved cluster, far from any checkout, and lists what can go wrong."""
    bundle, new = tmp_path / "b.json", tmp_path / "new.yaml"
    obj = sample("demo")
    obj["spec"]["cassandraImage"] = "cassandra:5.0.9"
    new.write_text(yaml.safe_dump(obj))
    where = ("-n", "cassandra")
    assert run(program, "bundle", "-f", str(bundle), *where, kubeconfig=kubeconfig).returncode == 0

    said = run(program, "simulate", "-f", str(new), "--bundle", str(bundle), *where, kubeconfig=kubeconfig)
    told = run(program, "simulate", "--help")

    assert said.returncode == 0, said.stderr
    assert "3 restarted" in said.stdout
    assert "node-loss:NODE" in told.stdout


def test_through_kubectl(program: Path, kubeconfig: Path) -> None:
    """With nothing but a kubeconfig it reads and writes what kubectl would, and takes kubectl's options."""
    said = run(program, "cleanup", "--pod", FIRST, "-n", "cassandra", kubeconfig=kubeconfig)
    named = run(program, "-n", "cassandra", f"--kubeconfig={kubeconfig}", "cleanup", "--prefix", "rack2")

    assert (said.returncode, said.stderr) == (0, "")
    assert f"Set status of operation cleanup on pod {FIRST} to ToDo" in said.stdout
    assert named.returncode == 0, named.stderr


def test_the_namespace_is_that_of_the_context(program: Path, kubeconfig: Path) -> None:
    """Without -n it is the context's, or `default` if that names none."""
    said = run(program, "cleanup", "--pod", FIRST, kubeconfig=kubeconfig)

    assert said.returncode == 1
    assert said.stdout.startswith("Namespace default\n")


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--kubeconfig", "/nowhere"], "no such file"),
        (["--context", "nowhere"], "nowhere"),
    ],
)
def test_no_cluster_to_talk_to(words: list[str], text: str, program: Path, kubeconfig: Path) -> None:
    """What kubectl says about it is what the user reads, and the exit code tells it from other failures."""
    said = run(program, *words, "-n", "cassandra", "cleanup", "--pod", FIRST, kubeconfig=kubeconfig)

    assert said.returncode == 4
    assert text in said.stderr


def test_a_server_that_is_gone(program: Path, kubeconfig: Path, tmp_path: Path) -> None:
    """An address at which nobody listens is said so, with kubectl's reason."""
    path = tmp_path / "config"
    path.write_text(kubeconfig_text("http://127.0.0.1:9"))

    said = run(program, "-n", "cassandra", "cleanup", "--pod", FIRST, kubeconfig=path)

    assert said.returncode == 4
    assert "the API server does not answer" in said.stderr
    assert "connect: connection refused" in said.stderr


def complete(*words: str) -> list[str]:
    """Return what is offered for the last of *words*; names of objects are `one` and `two`."""
    found = offers(
        words, COMMANDS, command_parser, lambda kind, _: [f"{kind.plural}-one", f"{kind.plural}-two"]
    )
    return [line.partition("\t")[0] for line in found]


def test_completion_offers_commands_options_and_names() -> None:
    """What may come next is offered, and nothing else: `:4` keeps the shell from adding files."""
    assert complete("clea") == ["cleanup", ":4"]
    assert complete("cleanup", "--p") == ["--pod", "--prefix", ":4"]
    assert complete("cleanup", "--pod", "") == ["pods-one", "pods-two", ":4"]
    assert complete("restart", "--crd", "cassandraclusters-t") == ["cassandraclusters-two", ":4"]
    assert complete("operate", "re") == ["rebuild", "remove", "repair", ":4"]
    assert complete("cleanup", "--kubeconfig", "") == [":0"]


def test_completion_is_answered_under_kubectls_name(program: Path, kubeconfig: Path, tmp_path: Path) -> None:
    """The same file, linked as `kubectl_complete-casskop`, answers kubectl with names from the cluster."""
    link = tmp_path / "kubectl_complete-casskop"
    link.symlink_to(program)

    said = run(link, "-n", "cassandra", "cleanup", "--pod", "demo-dc1-rack1", kubeconfig=kubeconfig)

    assert said.stdout.splitlines() == [FIRST, ":4"]
