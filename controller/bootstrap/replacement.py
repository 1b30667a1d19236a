"""
The dead node whose place this one takes, as the environment or the user's pre_run.sh names it.

CassKop's way, and that of its kubectl plugin, is a pre_run.sh that appends the flag to jvm.options. Cassandra
4.0 and later do not read that file: there the node would quietly join as one more. So what is found in it
is carried over to the file that this version reads.
"""

from __future__ import annotations

import re

from controller.bootstrap.agents import with_block
from controller.bootstrap.refusal import RefusedError

VARIABLE = "CASSANDRA_REPLACE_NODE"
# The file of 4.0 and later first: where both are, the other one is not read.
OPTIONS = ("jvm-server.options", "jvm.options")

_MARKS = ("# >>> casskop: replaces a dead node", "# <<< casskop: replaces a dead node")
_ADDRESS = re.compile(r"[\w.:-]+")
_FLAG = re.compile(r"^-Dcassandra\.replace_address(?:_first_boot)?=(.*)$", re.MULTILINE)


def address_in(text: str, place: str) -> str:
    """
    Return the address in *text*, "" if it is empty; CassKop's own has a slash at its end.

    Raises `RefusedError` naming *place* if it is none.
    """
    address = text.strip().rstrip("/")
    if address and not _ADDRESS.fullmatch(address):
        raise RefusedError(f"{place} is no address")
    return address


def written_by_script(options: str, place: str) -> str:
    """
    Return the address that a line of *options*, from the file *place*, replaces; "" if none does.

    Raises `RefusedError` for what is no address, and for two of them.
    """
    flags = _FLAG.findall(without_ours(options))
    named = {address_in(address, f"the replaced node in {place}") for address in flags} - {""}
    if len(named) > 1:
        raise RefusedError(f"{place} replaces more than one node: {', '.join(sorted(named))}")
    return named.pop() if named else ""


def with_replacement(options: str, address: str) -> str:
    """
    Return *options* so that Cassandra replaces *address* on its first start; "" is for no replacement.

    A line of the user's own that says so stays as it is.
    """
    ours = without_ours(options)
    if not address or _FLAG.search(ours):
        return ours
    return with_block(options, [f"-Dcassandra.replace_address_first_boot={address}"], *_MARKS)


def without_ours(options: str) -> str:
    """Return *options* without what an earlier run has written there."""
    return with_block(options, [], *_MARKS)
