"""What a reader may rely on: the words of the command line, and what the exit codes mean."""

from __future__ import annotations

import os
from pathlib import Path
import subprocess
import sys

import pytest

from controller import __version__
from controller.__main__ import main

PARTS = ("operator", "config-builder", "bootstrap", "ring", "version")


def casskop(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the program as a pod does, with no more of an environment than it is given."""
    return subprocess.run(  # noqa: S603 -- our own program
        [sys.executable, "-m", "controller", *words],
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("word", ["-h", "--help", "help"])
def test_help_names_every_part(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    """On stdout, and it is no error to ask."""
    assert main([word]) == 0

    shown = capsys.readouterr()
    assert all(part in shown.out for part in PARTS)
    assert shown.err == ""


@pytest.mark.parametrize("word", ["version", "--version"])
def test_the_version_is_one_word(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    """For scripts."""
    assert main([word]) == 0
    assert capsys.readouterr().out == f"{__version__}\n"


@pytest.mark.parametrize(
    "words",
    [[], ["nonsense"], ["ring"], ["version", "2"], ["bootstrap", "now"], ["config-builder", "x"], [""]],
)
def test_what_is_not_understood_is_2_with_the_usage(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """On stderr, and nothing is begun."""
    assert main(words) == 2

    shown = capsys.readouterr()
    assert shown.err.startswith("usage: casskop operator [flags] | config-builder")
    assert shown.out == ""


def test_a_wrong_setting_is_2_with_its_name() -> None:
    """In one line on stderr: it goes into `kubectl logs` of a pod that does not start."""
    done = casskop("operator", WATCH_NAMESPACE="a,b")

    assert done.returncode == 2
    assert (
        done.stderr == "casskop: WATCH_NAMESPACE is 'a,b'; it has to be the name of one namespace, or unset\n"
    )


def test_the_operator_s_help_names_every_flag_and_variable() -> None:
    """So that nobody needs the source."""
    done = casskop("operator", "--help")

    assert done.returncode == 0
    words = "--metrics-addr --health-probe-bind-address --max-concurrent-reconciles --kube-api-qps "
    words += "--kube-api-burst --log-level --lease-seconds WATCH_NAMESPACE POD_NAMESPACE POD_NAME "
    words += "OPERATOR_IMAGE LOG_LEVEL LOG_TYPE KUBECONFIG"
    assert [word for word in words.split() if word not in done.stdout] == []


def test_without_an_api_server_the_operator_ends_with_1(tmp_path: Path) -> None:
    """It says so in one line of its log, without a traceback."""
    done = casskop(
        "operator",
        "--metrics-addr=127.0.0.1:0",
        "--health-probe-bind-address=127.0.0.1:0",
        KUBECONFIG=str(tmp_path / "missing"),
        HOME=str(tmp_path),
    )

    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert '"event": "cannot start"' in line
    assert "no API server is configured" in line


def test_flags_about_casskops_logs_are_warned_of(tmp_path: Path) -> None:
    """By name, in the log; what else is set counts."""
    done = casskop(
        "operator",
        "--zap-log-level=debug",
        "--metrics-addr=127.0.0.1:0",
        "--health-probe-bind-address=127.0.0.1:0",
        KUBECONFIG=str(tmp_path / "missing"),
        HOME=str(tmp_path),
    )

    assert done.returncode == 1
    warning, _ = done.stderr.splitlines()
    assert '"event": "flag means nothing here"' in warning
    assert '"flag": "--zap-log-level"' in warning


@pytest.mark.parametrize("part", ["bootstrap", "config-builder", "version", "help"])
def test_an_init_container_does_not_load_the_operator(part: str, tmp_path: Path) -> None:
    """Its pod waits for it: the libraries of the operator stay where they are."""
    code = (
        "import sys; from controller.__main__ import main; main([sys.argv[1]]);"
        "print([m for m in ('kubernetes', 'structlog', 'prometheus_client') if m in sys.modules])"
    )
    done = subprocess.run(  # noqa: S603 -- our own program
        [sys.executable, "-c", code, part],
        env={"PATH": os.environ["PATH"], "CONFIG_OUTPUT_DIRECTORY": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"


def test_ring_says_who_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    """A line for each node, and 1 if one did not answer."""
    assert main(["ring", "127.0.0.1"]) == 1
    assert capsys.readouterr().out.startswith('{"host": "127.0.0.1", "silent": "')
