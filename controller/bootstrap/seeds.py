"""
Whether this node may start now, and with which seeds.

`decide_seeds` is a pure function of what one pod can see. It promises:

- A node that has ever joined a ring is never started as the first node of another one, while any other
  member is recorded or seen, or its data is there. (A lone member that lost its disk may begin anew.)
- Of the pods that share a seed list, at most one may start a ring: the first of the list.
- A node that has to bootstrap is not on its own seed list; Cassandra would skip the bootstrap.
- Silence of the others is never a reason to become the only seed.

It does not know whether the seed list is right, and it cannot see a pod that the list does not name.
docs/bootstrap.md has the table.
"""

from __future__ import annotations

from collections.abc import Mapping
import enum

import attrs

# A node with data waits so long for the name of any other seed, and goes on without one.
NAMES_SECONDS = 30.0
# Any other node waits so long for a seed, and then leaves it to the kubelet to start it again.
SEED_SECONDS = 300.0
# How long a node that lost its disk waits to be told whose place it takes: a kubelet brings news of a
# ConfigMap within a minute or two.
WORD_SECONDS = 150.0
NORMAL = "NORMAL"


class Data(enum.Enum):
    """What lies on the node's disk."""

    NONE = "no data"
    PRESENT = "data"
    UNKNOWN = "data that cannot be seen from here"


class Reach(enum.Enum):
    """How far one asks a seed and gets."""

    UNRESOLVED = "its name does not resolve"
    SILENT = "it does not answer"
    ANSWERS = "it answers"


@attrs.frozen(kw_only=True)
class Seen:
    """What was seen of one seed; *mode* is its OperationMode, or why that could not be read."""

    reach: Reach
    mode: str = ""

    @property
    def normal(self) -> bool:
        """Whether it is a full member of a ring."""
        return self.reach is Reach.ANSWERS and self.mode == NORMAL

    def __str__(self) -> str:
        return f"{self.reach.value}: {self.mode}" if self.mode else self.reach.value


@attrs.frozen(kw_only=True)
class Me:
    """This node: its pod's name and namespace ("" if unknown) and its address."""

    pod: str
    namespace: str
    address: str

    def is_named(self, seed: str) -> bool:
        """
        Whether *seed* names this node: an address, `<pod>.<cluster>.<namespace>`, or `<pod>.<DNS zone>`.

        Only a name inside Kubernetes has a namespace in it, which tells two pods of one name apart.
        """
        if seed == self.address:
            return True
        pod, *rest = seed.rstrip(".").split(".")
        if pod != self.pod:
            return False
        inside = len(rest) > 1 and pod.startswith(f"{rest[0]}-") and rest[2:3] in ([], ["svc"])
        return not inside or self.namespace in ("", rest[1])


@attrs.frozen(kw_only=True)
class Situation:
    """
    What the decision is made of.

    *seeds* is the list as configured. *joined* names the pods that ever were members, as the operator
    recorded them; None if it has recorded nothing. *others* says what was seen of the seeds that are not
    this node; one that is missing there was not seen. *replacing* says that the node takes a dead one's
    place. *waited* is in seconds.
    """

    me: Me
    seeds: tuple[str, ...]
    data: Data
    joined: tuple[str, ...] | None
    others: Mapping[str, Seen]
    replacing: bool
    waited: float


@attrs.frozen(kw_only=True)
class Start:
    """Start Cassandra with *seeds*."""

    seeds: tuple[str, ...]
    why: str


@attrs.frozen(kw_only=True)
class WaitForSeeds:
    """Look again soon."""

    why: str


@attrs.frozen(kw_only=True)
class Refuse:
    """Do not start."""

    why: str


Decision = Start | WaitForSeeds | Refuse


def decide_seeds(now: Situation) -> Decision:
    """Return whether to start; the order of the cases is the policy."""
    if not now.seeds:
        return Refuse(why="the seed list is empty")
    others = tuple(seed for seed in now.seeds if not now.me.is_named(seed))
    members = () if now.joined is None else tuple(pod for pod in now.joined if pod != now.me.pod)
    recorded = now.joined is not None and now.me.pod in now.joined
    first = now.me.is_named(now.seeds[0])
    # With a record that knows no member yet, data may be that of a bootstrap which was cut short.
    if now.data is Data.PRESENT and (recorded or now.joined is None or (first and not members)):
        return _restart(now, others, recorded=recorded)
    normal = _normal(now, others)
    if normal:
        state = _state(now, recorded=recorded)
        if recorded and members and now.data is Data.NONE and not now.replacing and now.waited < WORD_SECONDS:
            # The operator finds out whose place it takes; without its word the node joins as one more.
            return WaitForSeeds(
                why=_waiting(now, others, f"{state}, and waits to be told whose place it takes")
            )
        return Start(seeds=others, why=f"{normal} is NORMAL; {state}")
    if members:
        return _wait(now, others, f"{members[0]} has joined a ring before, so this node starts none")
    if now.replacing and now.data is not Data.PRESENT:
        return _wait(now, others, "a node that replaces another one needs a ring to do it in")
    if not first:
        return _wait(now, others, f"only {now.seeds[0]}, the first seed, may start a ring")
    answering = [seed for seed in others if _seen(now, seed).reach is Reach.ANSWERS]
    if answering:
        return _wait(now, others, f"{answering[0]} runs already, so there is a ring to join")
    if others and now.data is Data.UNKNOWN and now.waited < NAMES_SECONDS:
        return WaitForSeeds(why=_waiting(now, others, "this node may have been a member before"))
    return Start(seeds=now.seeds, why=_first(now, others))


def _restart(now: Situation, others: tuple[str, ...], *, recorded: bool) -> Decision:
    """Decide for a node that has its ring on its disk: it needs nobody's leave."""
    if not recorded:
        # It may have been stopped while it bootstrapped; on its own list it would not take that up again.
        normal = _normal(now, others)
        if normal:
            return Start(seeds=others, why=f"{normal} is NORMAL, and this node has data")
    named = [seed for seed in others if _seen(now, seed).reach is not Reach.UNRESOLVED]
    if named:
        return Start(seeds=now.seeds, why=f"this node has data, and {named[0]} has an address")
    if not others:
        return Start(seeds=now.seeds, why="this node has data, and there is no other seed")
    if now.waited < NAMES_SECONDS:
        return WaitForSeeds(why=_waiting(now, others, "this node has data and waits for the name of a seed"))
    return Start(
        seeds=now.seeds,
        why=f"this node has data; no other seed has had an address for {now.waited:.0f} s",
    )


def _wait(now: Situation, others: tuple[str, ...], reason: str) -> Decision:
    """Wait for a seed that is NORMAL, for a time."""
    why = _waiting(now, others, reason)
    if now.waited < SEED_SECONDS:
        return WaitForSeeds(why=why)
    return Refuse(why=f"no seed has been NORMAL for {now.waited:.0f} s. {why}")


def _waiting(now: Situation, others: tuple[str, ...], reason: str) -> str:
    seen = "; ".join(f"{seed}: {_seen(now, seed)}" for seed in others) or "there is no other seed"
    return f"{reason}. {seen}"


def _state(now: Situation, *, recorded: bool) -> str:
    if now.data is Data.NONE and recorded:
        return "this node was a member and has lost its disk"
    return f"this node has {now.data.value}"


def _first(now: Situation, others: tuple[str, ...]) -> str:
    if now.data is Data.UNKNOWN and others:
        return "this is the first seed, no other one answers, and nobody is known to have joined"
    return "this is the first node of a new ring"


def _normal(now: Situation, others: tuple[str, ...]) -> str | None:
    return next((seed for seed in others if _seen(now, seed).normal), None)


def _seen(now: Situation, seed: str) -> Seen:
    return now.others.get(seed, Seen(reach=Reach.UNRESOLVED))
