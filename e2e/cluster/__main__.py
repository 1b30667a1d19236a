"""The command line: ``python -m e2e.cluster up|down|status|load-image|kubeconfig|kubectl|deps``."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
import sys

from e2e.cluster import binaries, deps, lifecycle, loader, local
from e2e.cluster.layout import State
from e2e.cluster.shell import Trouble


def parser() -> argparse.ArgumentParser:
    """The words that the program understands."""
    top = argparse.ArgumentParser(prog="python -m e2e.cluster", description=__doc__)
    top.add_argument("--state", help="folder of the cluster's state (default: under the cache)")
    commands = top.add_subparsers(dest="command", required=True)
    commands.add_parser("up", help="start the cluster, or say that it runs")
    commands.add_parser("down", help="stop the cluster and remove its state")
    commands.add_parser("status", help="say what runs; ends with 1 unless all does")
    load = commands.add_parser("load-image", help="load image archives into every node")
    load.add_argument("archive", nargs="+", type=Path)
    commands.add_parser("kubeconfig", help="print the path of the administrator's kubeconfig")
    kubectl = commands.add_parser("kubectl", help="run kubectl as administrator: kubectl -- ARGS")
    kubectl.add_argument("argument", nargs=argparse.REMAINDER)
    commands.add_parser("build", help="build the binaries, without starting anything")
    commands.add_parser("deps", help="install the Debian packages that are missing")
    return top


def main(words: list[str]) -> int:
    """Run one command; the result is the exit code."""
    asked = parser().parse_args(words)
    state = State.at(asked.state)
    try:
        return _run(asked, state)
    except Trouble as trouble:
        print(f"error: {trouble}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted: `up` again starts afresh, `down` clears away", file=sys.stderr)
        return 130


def _run(asked: argparse.Namespace, state: State) -> int:
    match asked.command:
        case "up":
            lifecycle.up(state)
        case "down":
            lifecycle.down(state)
        case "status":
            return _status(state)
        case "load-image":
            for line in loader.load(state, asked.archive) or ["every node has it already"]:
                print(line)
        case "kubeconfig":
            print(state.kubeconfig)
        case "kubectl":
            return _kubectl(state, asked.argument)
        case "build":
            print(binaries.kube(), binaries.provisioner(), sep="\n")
        case _:
            deps.install()
    return 0


def _status(state: State) -> int:
    for name, alive in local.processes_alive(state).items():
        print(f"{name:<22} {'running' if alive else 'ENDED'}")
    well = lifecycle.running(state)
    print("the cluster is running" if well else "the cluster is not running")
    return 0 if well else 1


def _kubectl(state: State, words: list[str]) -> int:
    """Become kubectl, so that terminals and signals are its own; it has its own time-outs."""
    arguments = words[1:] if words[:1] == ["--"] else words
    env = os.environ | {"KUBECONFIG": str(state.kubeconfig)}
    kube = str(binaries.kube())
    os.execve(kube, [kube, "kubectl", *arguments], env)  # noqa: S606 -- no shell is wanted


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
