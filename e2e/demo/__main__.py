"""
`python -m e2e.demo`: simulated; `--cluster local`: on a real Kubernetes.

It exits with 0 after showing everything, with 1 and one clear line if something does not come about, and
with 130 after Ctrl-C.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
import signal
import sys
from types import FrameType
from typing import NoReturn

from e2e.cluster.shell import Trouble
from e2e.kubectl import KubectlError
from e2e.providers.cluster import MissingError, RefusedError, TooLateError
from e2e.simkube.server import PortInUseError

ENDED = {
    "sim": "ended; nothing is left",
    "local": "ended; run it again to go on where it was, `make down` clears away",
}


def _port(word: str) -> int:
    if word.isdecimal() and int(word) < 65536:
        return int(word)
    raise argparse.ArgumentTypeError(f"{word} is no port: give a number from 0 to 65535, 0 for any")


def _speed(word: str) -> float:
    try:
        speed = float(word)
    except ValueError:
        speed = 0.0
    if 0.1 <= speed <= 1000:
        return speed
    raise argparse.ArgumentTypeError(f"{word} is no speed: give a number from 0.1 to 1000")


def _end(number: int, frame: FrameType | None) -> NoReturn:
    """End as by Ctrl-C: nothing is left behind."""
    raise KeyboardInterrupt


def _arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m e2e.demo", description="Watch the operator at work.")
    parser.add_argument(
        "--cluster",
        choices=("sim", "local"),
        default="sim",
        help="sim: in this process. local: three real nodes on this machine, or KUBECONFIG",
    )
    parser.add_argument("--port", type=_port, default=8001, help="sim: where the API server listens (8001)")
    parser.add_argument("--speed", type=_speed, default=5.0, help="sim: simulated seconds per second (5)")
    parser.add_argument(
        "--leave", action="store_true", help="sim: end after the last step, also on a terminal"
    )
    return parser.parse_args(words)


def main(words: Sequence[str] | None = None) -> int:
    """Run the demo as *words* say, or the command line; return the exit code."""
    given = _arguments(words)
    try:
        if given.cluster == "sim":
            # Imported here: each demo needs only its own parts.
            from e2e.demo import sim  # noqa: PLC0415

            sim.run(port=given.port, speed=given.speed, stay=not given.leave)
        else:
            from e2e.demo import real  # noqa: PLC0415

            real.run()
    except MissingError as error:
        print(f"demo: it was deleted in the middle of the demo: {error}", file=sys.stderr)
        return 1
    except (Trouble, KubectlError, RefusedError, TooLateError, PortInUseError, RuntimeError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"\ndemo: {ENDED[given.cluster]}", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    for each in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, _end)
    sys.exit(main())
