"""What a reader may rely on: what each flag and variable does, and that a wrong value names itself."""

from __future__ import annotations

import pytest

from controller.runtime.lease import Timing
from controller.settings import Address, Settings, SettingsError, parse


def parsed(*flags: str, **environment: str) -> Settings:
    """Return the settings of a command line and an environment."""
    return parse(flags, environment)


def test_without_anything_everything_has_a_value() -> None:
    """That of CassKop where it has one."""
    assert parsed() == Settings(
        namespace=None,
        own_namespace="default",
        pod_name="casskop",
        image="casskop:dev",
        metrics=Address(host="", port=8080),
        health=Address(host="", port=8081),
        kubeconfig=None,
        workers=16,
        requests=50.0,
        burst=100,
        log_level="INFO",
        log_json=None,
        lease_seconds=15.0,
    )


def test_each_variable_has_its_setting() -> None:
    """As the Deployment in `manifests/` sets them."""
    settings = parsed(
        WATCH_NAMESPACE="prod",
        POD_NAMESPACE="operators",
        POD_NAME="casskop-7f9-x2.k",
        OPERATOR_IMAGE="registry/casskop:1",
        LOG_LEVEL="warn",
        LOG_TYPE="json",
        KUBECONFIG="/a:/b",
    )

    assert (settings.namespace, settings.own_namespace) == ("prod", "operators")
    assert (settings.pod_name, settings.image) == ("casskop-7f9-x2.k", "registry/casskop:1")
    assert (settings.log_level, settings.log_json) == ("WARN", True)
    assert settings.kubeconfig == "/a:/b"


def test_each_flag_has_its_setting() -> None:
    """With CassKop's names for those that it has."""
    settings = parsed(
        "--metrics-addr=127.0.0.1:9090",
        "--health-probe-bind-address",
        "[::1]:9091",
        "--max-concurrent-reconciles=4",
        "--kube-api-qps=12.5",
        "--kube-api-burst=20",
        "--log-level=debug",
        "--lease-seconds=30",
        LOG_LEVEL="ERROR",
    )

    assert settings.metrics == Address(host="127.0.0.1", port=9090)
    assert settings.health == Address(host="::1", port=9091)
    assert (settings.workers, settings.requests, settings.burst) == (4, 12.5, 20)
    assert settings.log_level == "DEBUG"
    assert settings.timing == Timing(lease=30.0, renew=20.0, retry=4.0)


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["--zap-devel"], ["--zap-devel"]),
        (["--zap-devel=true", "--zap-log-level=debug"], ["--zap-devel", "--zap-log-level"]),
        (
            ["-zap-encoder", "json", "--zap-time-encoding", "rfc3339"],
            ["--zap-encoder", "--zap-time-encoding"],
        ),
        (["--zap-stacktrace-level"], ["--zap-stacktrace-level"]),
    ],
)
def test_flags_about_casskops_logs_are_taken_and_named(words: list[str], names: list[str]) -> None:
    """In each form that Go takes; a Deployment that has them goes on with what else it says."""
    settings = parsed(*words, "--lease-seconds=30")

    assert settings.ignored == tuple(names)
    assert settings.lease_seconds == 30.0
    assert settings.log_level == "INFO"


def test_the_lease_lives_where_the_operator_does() -> None:
    """Or where it watches, if nobody says where it runs."""
    assert parsed(WATCH_NAMESPACE="prod").own_namespace == "prod"
    assert parsed(POD_NAMESPACE="operators").own_namespace == "operators"


@pytest.mark.parametrize(
    "variable",
    ["WATCH_NAMESPACE", "POD_NAMESPACE", "POD_NAME", "OPERATOR_IMAGE", "LOG_LEVEL", "LOG_TYPE", "KUBECONFIG"],
)
def test_an_empty_variable_is_none(variable: str) -> None:
    """CassKop's chart sets WATCH_NAMESPACE to nothing for all namespaces."""
    assert parsed(**{variable: ""}) == parsed()


@pytest.mark.parametrize(("value", "expected"), [("json", True), ("JSON", True), ("text", False)])
def test_the_form_of_logs_can_be_forced(value: str, expected: bool) -> None:  # noqa: FBT001 -- a table
    """Unset, it is JSON unless a person is looking."""
    assert parsed(LOG_TYPE=value).log_json is expected


@pytest.mark.parametrize("seconds", ["3", "15", "3600"])
def test_whatever_lease_is_accepted_has_a_valid_timing(seconds: str) -> None:
    """There is no value that passes here and fails later."""
    timing = parsed(f"--lease-seconds={seconds}").timing

    assert timing.lease == float(seconds)
    assert timing.request_deadline <= timing.renew


def test_no_limit_is_a_limit_of_0() -> None:
    """For servers that see to fairness themselves."""
    assert parsed("--kube-api-qps=0").requests == 0


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("WATCH_NAMESPACE", "a,b"),
        ("WATCH_NAMESPACE", "Prod"),
        ("WATCH_NAMESPACE", "a.b"),
        ("WATCH_NAMESPACE", "../x"),
        ("POD_NAMESPACE", "a b"),
        ("POD_NAME", "cc/0"),
        ("LOG_LEVEL", "loud"),
        ("LOG_TYPE", "yaml"),
    ],
)
def test_a_wrong_variable_names_itself(variable: str, value: str) -> None:
    """With its value, and what would be right, in one line."""
    with pytest.raises(SettingsError) as found:
        parsed(**{variable: value})

    said = str(found.value)
    assert said.startswith(f"{variable} is {value!r}; it ")
    assert "\n" not in said


@pytest.mark.parametrize(
    ("flag", "value"),
    [
        ("--metrics-addr", "8080"),
        ("--metrics-addr", ":"),
        ("--metrics-addr", ":65536"),
        ("--metrics-addr", ":٨٠٨٠"),
        ("--metrics-addr", ":http"),
        ("--health-probe-bind-address", "host:-1"),
        ("--max-concurrent-reconciles", "0"),
        ("--max-concurrent-reconciles", "1001"),
        ("--kube-api-qps", "-1"),
        ("--kube-api-qps", "nan"),
        ("--kube-api-qps", "inf"),
        ("--kube-api-burst", "0"),
        ("--log-level", "loud"),
        ("--lease-seconds", "2.9"),
        ("--lease-seconds", "nan"),
        ("--lease-seconds", "inf"),
    ],
)
def test_a_wrong_flag_names_itself(flag: str, value: str) -> None:
    """With its value, and what would be right."""
    with pytest.raises(SettingsError) as found:
        parsed(f"{flag}={value}")

    assert str(found.value).startswith(f"{flag} is ")
    assert value in str(found.value)


@pytest.mark.parametrize(
    "word",
    [
        "--max-concurrent-reconciles=many",
        "--kube-api-burst=1.5",
        "--nonsense",
        "x",
        "--zap-x",
    ],
)
def test_what_cannot_be_read_ends_the_process_with_2(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    """And says which word it was."""
    with pytest.raises(SystemExit) as end:
        parsed(word)

    assert end.value.code == 2
    assert word.partition("=")[0] in capsys.readouterr().err


def test_no_flag_can_be_abbreviated() -> None:
    """Else a flag that is added one day would change what a command line means."""
    with pytest.raises(SystemExit):
        parsed("--lease=15")
