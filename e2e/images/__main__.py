"""The command line: ``python -m e2e.images build IMAGE...``, with the names that `--help` lists."""

from __future__ import annotations

import argparse
import sys

from e2e.cluster.shell import Trouble
from e2e.images.building import ALL, IMAGES, build


def parser() -> argparse.ArgumentParser:
    """The words that the program understands."""
    top = argparse.ArgumentParser(prog="python -m e2e.images", description=__doc__)
    commands = top.add_subparsers(dest="command", required=True)
    building = commands.add_parser("build", help="build images and print where their archives are")
    building.add_argument("image", nargs="+", choices=[*IMAGES, "all"])
    return top


def main(words: list[str]) -> int:
    """Build what is asked for; the result is the exit code."""
    asked = parser().parse_args(words)
    names = [name for word in asked.image for name in (ALL if word == "all" else (word,))]
    try:
        print(*build(*dict.fromkeys(names)), sep="\n", flush=True)
    except Trouble as trouble:
        print(f"error: {trouble}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted: what was finished is kept, run it again", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
