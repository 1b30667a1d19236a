"""
The command line: `casskop operator`, `casskop config-builder`, `casskop bootstrap`, `casskop ring`.

One image plays all parts. Each part is imported only when it is asked for, so that an init
container does not pay for the operator's libraries.
"""

from __future__ import annotations

import os
import sys

from controller import __version__

_USAGE = """usage: casskop operator [flags] | config-builder | bootstrap | ring HOST... | version

  operator        watch CassandraClusters and bring what exists to what they ask for (see --help)
  config-builder  in a Cassandra pod: render configuration into $CONFIG_OUTPUT_DIRECTORY
  bootstrap       in a Cassandra pod: agents, probes and seeds, before Cassandra starts
  ring            ask Cassandra nodes how they see the ring (login: $JOLOKIA_USER, $JOLOKIA_PASSWORD)
"""


def main(arguments: list[str] | None = None) -> int:
    """Run one part of the program and return its exit code."""
    words = sys.argv[1:] if arguments is None else arguments
    match words:
        case ["operator", *rest]:
            return _operator(rest)
        case ["config-builder"]:
            from controller.bootstrap import config  # noqa: PLC0415 -- see the module's promise

            return config.main()
        case ["bootstrap"]:
            from controller.bootstrap import node  # noqa: PLC0415 -- see the module's promise

            return node.main()
        case ["ring", *hosts] if hosts:
            from controller.cassandra import show  # noqa: PLC0415 -- see the module's promise

            return show.main(hosts, os.environ)
        case ["version" | "--version"]:
            print(__version__)
            return 0
        case ["-h" | "--help" | "help"]:
            print(_USAGE, end="")
            return 0
    print(_USAGE, end="", file=sys.stderr)
    return 2


def _operator(rest: list[str]) -> int:
    """Run the operator until it is told to stop or loses its lease."""
    from controller import app, settings  # noqa: PLC0415 -- see the module's promise

    try:
        chosen = settings.parse(rest, os.environ)
    except settings.SettingsError as error:
        print(f"casskop: {error}", file=sys.stderr)
        return 2
    return app.run(chosen)


if __name__ == "__main__":
    sys.exit(main())
