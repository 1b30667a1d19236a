"""What can be made to go wrong in a rehearsal: a small set, each by a word that the command line takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
import functools
from typing import Final

import attrs
import httpx

from controller.domain.errors import TransientError
from controller.kube.transport import Request, Response
from controller.plugin.errors import WRONG_ARGUMENTS, StopError
from e2e.sweep.director import Director

MUTE_SECONDS: Final = 300.0
# When what is broken in the middle of a change breaks, after the change was made.
MIDST_SECONDS: Final = 30.0
REBOOT_SECONDS: Final = 300.0
# The operator's write at which it dies, or loses the answer: by then it is at work.
FIRST_WRITES: Final = 2

# By name: what it takes, and what happens.
FAULTS: Final[Mapping[str, tuple[str, str]]] = {
    "kill-operator": (
        "N",
        f"the operator is killed right after its Nth write ({FIRST_WRITES}); another one starts",
    ),
    "lose-answer": (
        "N",
        f"the operator's Nth write ({FIRST_WRITES}) is carried out, and the answer is lost",
    ),
    "node-loss": ("NODE", f"the Kubernetes node loses its power {MIDST_SECONDS:g} s on, for good"),
    "node-reboot": ("NODE", f"as node-loss, and it is back {REBOOT_SECONDS:g} s later"),
    "mute": (
        "POD",
        f"for {MUTE_SECONDS:g} s the operator gets no answer from the node in the pod, which serves on",
    ),
    "bad-image": ("", "no registry has the Cassandra image that is asked for"),
}
_COUNTED: Final = frozenset({"kill-operator", "lose-answer"})


@attrs.frozen(kw_only=True)
class Fault:
    """One fault by *name*, with the node, pod or number that it is about."""

    name: str
    about: str = ""

    def __str__(self) -> str:
        """Return it as it is written on the command line."""
        return f"{self.name}:{self.about}" if self.about else self.name


def listing() -> str:
    """Return the faults for `--help`."""
    rows = [(f"{name}:{what}" if what else name, text) for name, (what, text) in FAULTS.items()]
    width = max(len(head) for head, _ in rows)
    return "faults:\n" + "\n".join(f"  {head:<{width}}  {text}" for head, text in rows)


def parse(text: str) -> Fault:
    """Return the fault that *text* names; `StopError` tells of a wrong one with all there are."""
    name, _, about = text.partition(":")
    if name not in FAULTS:
        raise StopError(f"there is no fault {name}\n{listing()}\n", code=WRONG_ARGUMENTS)
    what, _ = FAULTS[name]
    if what in ("NODE", "POD") and not about:
        raise StopError(f"fault {name} is about a {what.lower()}: {name}:{what}", code=WRONG_ARGUMENTS)
    if about and not what:
        raise StopError(f"fault {name} is about nothing else: leave out :{about}", code=WRONG_ARGUMENTS)
    if about and name in _COUNTED and not (about.isdecimal() and int(about)):
        raise StopError(f"fault {name} takes the number of a write, from 1: {text}", code=WRONG_ARGUMENTS)
    return Fault(name=name, about=about)


def check(faults: tuple[Fault, ...], *, nodes: frozenset[str], pods: frozenset[str]) -> None:
    """Raise `StopError` for a fault about a node or pod that is not there, and say which there are."""
    for fault in faults:
        what = FAULTS[fault.name][0]
        there = {"NODE": nodes, "POD": pods}.get(what)
        if there is not None and fault.about not in there:
            known = ", ".join(sorted(there)) or "none"
            raise StopError(
                f"fault {fault}: there is no {what.lower()} {fault.about}; there are {known}",
                code=WRONG_ARGUMENTS,
            )


class ArrangedFaults(Director):
    """Lets *faults* happen to a cluster once a change is made; `tell` hears of each when it does.

    `cut_short` hears of those that keep the operator from telling what it has just done.
    """

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__(lambda _kind, _number: None)
        self._faults_wanted = faults
        self.tell: Callable[[str], None] = _nobody
        self.cut_short: Callable[[str], None] = _nobody
        self._arranged = False
        self._writes = 0
        # What happens at which write, and until when which pods are mute.
        self._at_write: list[tuple[int, str]] = []
        self._silent: dict[str, float] = {}
        # When the last of what was arranged is over, as far as a clock tells.
        self.over = 0.0

    @property
    def lacks_image(self) -> bool:
        """Whether the image that is asked for cannot be had."""
        return any(fault.name == "bad-image" for fault in self._faults_wanted)

    def arrange(self) -> None:
        """Let everything happen from now on as it is to."""
        self._arranged = True
        for fault in self._faults_wanted:
            match fault.name:
                case "node-loss" | "node-reboot":
                    self._in(MIDST_SECONDS, functools.partial(self._lose, fault.about))
                    if fault.name == "node-reboot":
                        self._in(MIDST_SECONDS + REBOOT_SECONDS, functools.partial(self._return, fault.about))
                case "mute":
                    self._silent[fault.about] = self.cluster.simulation.now + MUTE_SECONDS
                    self._in(MUTE_SECONDS, self._wake)
                    self.tell(f"the operator gets no answer from {fault.about} for {MUTE_SECONDS:g} s")
                case "bad-image":
                    self.tell("no registry has the image that is asked for")
                case _:
                    self._at_write.append((int(fault.about or FIRST_WRITES), fault.name))

    def answered(self, life: int, request: Request, answer: Response) -> None:
        """Let happen what comes between a write and its answer; events are no writes that matter."""
        super().answered(life, request, answer)
        if not self._arranged or request.method == "GET" or "/events" in request.path:
            return
        self._writes += 1
        for number, name in self._at_write:
            if number != self._writes:
                continue
            what = f"{request.method} of {request.path.rpartition('/')[2]}"
            if name == "kill-operator":
                self.cut_short(f"the operator is killed right after its {what}")
                self.cluster.kill_operator()
            else:
                self.cut_short(f"the answer to the operator's {what} is lost")
                raise TransientError("the answer is lost on its way")

    def asking(self, life: int, host: str) -> None:
        """Keep the answer of a node that is mute from the operator."""
        super().asking(life, host)
        if not self._silent:
            return
        now = self.cluster.simulation.now
        node = self.cluster.controllers.ring.at(host)
        pod = "" if node is None else node.config.pod
        if self._silent.get(pod, 0.0) > now:
            raise httpx.ReadTimeout("no answer")

    def _in(self, seconds: float, callback: Callable[[], None]) -> None:
        simulation = self.cluster.simulation
        self.over = max(self.over, simulation.now + seconds)
        simulation.after(seconds, callback)

    def _lose(self, node: str) -> None:
        self.tell(f"Kubernetes node {node} loses its power")
        self.cluster.controllers.nodes.power_off(node)

    def _return(self, node: str) -> None:
        self.tell(f"Kubernetes node {node} is back")
        self.cluster.controllers.nodes.bring_back(node)


def _nobody(what: str) -> None:
    """Hear of *what* happens, and do nothing."""
