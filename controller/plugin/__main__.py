"""
The command line: `kubectl casskop COMMAND`, or `python -m controller.plugin COMMAND`.

Exit codes: 0 it was done; 1 it was not, and why is said; 2 wrong arguments; 3 `plan` or `simulate` found
something refused, held or broken; 4 no cluster answers; 5 a right is missing; 130 ended by the user.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
import contextlib
import json
import sys

from controller import __version__
from controller.domain.errors import OperatorError
from controller.plugin import (
    approve,
    bundle,
    completion,
    edits,
    extensions,
    logs,
    operations,
    plan,
    replace,
    show,
)
from controller.plugin.command import Command
from controller.plugin.errors import STOPPED, StopError, stop_of
from controller.plugin.kubectl import Kubectl
from controller.plugin.session import Output, Session

Connect = Callable[[argparse.Namespace, Output], contextlib.AbstractContextManager[Session]]
Find = Callable[[str], Command | None]

PROGRAM = "kubectl casskop"
INTERRUPTED = 130

COMMANDS: tuple[Command, ...] = (
    *show.COMMANDS,
    *plan.COMMANDS,
    *extensions.STAND_INS,
    *logs.COMMANDS,
    *bundle.COMMANDS,
    *operations.COMMANDS,
    *replace.COMMANDS,
    *edits.COMMANDS,
    *approve.COMMANDS,
)

_COMPLETION = """kubectl's own shell completion knows the commands once this program is on PATH as
kubectl_complete-casskop as well (ln -s)."""
_CODES = """exit codes: 0 done, 1 not done (and why), 2 wrong arguments, 3 something is refused, held or
broken (plan, simulate), 4 no cluster answers, 5 a right is missing, 130 Ctrl-C"""


def _common(parser: argparse.ArgumentParser) -> None:
    """Add what every command takes, before or after its name."""
    group = parser.add_argument_group("where, as for kubectl")
    group.add_argument("-n", "--namespace", default=argparse.SUPPRESS, help="namespace (that of the context)")
    group.add_argument("--context", default=argparse.SUPPRESS, help="context of the kubeconfig")
    group.add_argument("--kubeconfig", default=argparse.SUPPRESS, help="path of the kubeconfig")
    parser.add_argument(
        "-o",
        "--output",
        choices=("text", "json"),
        default=argparse.SUPPRESS,
        help="text for people (default), or one JSON value",
    )


def main_parser() -> argparse.ArgumentParser:
    """Return the parser for what stands before a command."""
    width = max(len(c.name) for c in COMMANDS)
    listed = "\n".join(f"  {c.name:<{width}}  {c.help}" for c in COMMANDS)
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description="Look after Cassandra clusters of CassKop.",
        epilog="\n\n".join(
            (f"commands:\n{listed}", f"{PROGRAM} COMMAND --help says more of each.", _COMPLETION, _CODES)
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    _common(parser)
    parser.add_argument("--version", action="version", version=f"{PROGRAM} {__version__}")
    parser.add_argument("command", nargs="?", metavar="COMMAND", help="what to do")
    parser.add_argument("rest", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    return parser


def command_parser(command: Command) -> argparse.ArgumentParser:
    """Return the parser for what stands behind the name of *command*."""
    parser = argparse.ArgumentParser(
        prog=f"{PROGRAM} {command.name}",
        description=command.help[0].upper() + command.help[1:] + ".",
        epilog=command.epilog or None,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    _common(parser)
    command.arguments(parser)
    return parser


def whole(command: Command, find: Find = extensions.installed) -> Command:
    """Return *command*, or what it stands in for if that is installed."""
    return (find(command.name) if command.name in extensions.NAMES else None) or command


def main(
    arguments: Sequence[str] | None = None,
    connect: Connect | None = None,
    find: Find = extensions.installed,
) -> int:
    """Run one command, with a session that *connect* opens or else kubectl, and return its exit code.

    *find* returns commands of other packages by name.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words[:1] == [completion.WORD]:
        return completion.main(words[1:], COMMANDS, lambda command: command_parser(whole(command, find)))
    parser = main_parser()
    first = parser.parse_args(words)
    command = next((c for c in COMMANDS if c.name == first.command), None)
    if command is None:
        if first.command is not None:
            print(f"Unrecognized operation {first.command}", file=sys.stderr)
        parser.print_help(sys.stderr)
        return STOPPED
    given = argparse.Namespace(**{k: v for k, v in vars(first).items() if k not in ("command", "rest")})
    given.command = command.name
    command = whole(command, find)
    behind = command_parser(command)
    if command.lenient:
        behind.parse_known_args(first.rest, given)
    else:
        behind.parse_args(first.rest, given)
    out = Output(as_json=getattr(given, "output", "text") == "json", terminal=sys.stdout.isatty())
    try:
        with (connect or through_kubectl)(given, out) as session:
            out.say(f"Namespace {session.namespace}")
            return command.run(session, given)
    except StopError as error:
        return _stopped(error, out)
    except OperatorError as error:
        return _stopped(stop_of(error), out)
    except KeyboardInterrupt:
        return INTERRUPTED


@contextlib.contextmanager
def through_kubectl(given: argparse.Namespace, out: Output) -> Iterator[Session]:
    """Open a session over kubectl, which is asked for cluster, login and namespace as the user chose them."""
    chosen = [(name, getattr(given, name, None)) for name in ("kubeconfig", "context")]
    kubectl = Kubectl(options=tuple(f"--{name}={value}" for name, value in chosen if value))
    namespace = getattr(given, "namespace", None) or kubectl.namespace()
    with kubectl.proxy() as transport:
        yield Session(transport=transport, namespace=namespace, out=out, kubectl=kubectl)


def _stopped(error: StopError, out: Output) -> int:
    if out.as_json:
        print(json.dumps({"error": str(error), "code": error.code}))
    else:
        print(f"{error}. Have to stop here ...", file=sys.stderr)
    return error.code


if __name__ == "__main__":
    sys.exit(main())
