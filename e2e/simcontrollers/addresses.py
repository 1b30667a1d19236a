"""Addresses of pods: each node has a subnet, and hands its addresses out in turn."""

from __future__ import annotations


class Addresses:
    """With `reuse` the lowest free address comes next, so that addresses come back soon."""

    # Usable host numbers of a node's subnet.
    _FIRST, _LAST = 2, 254
    # A real node has a subnet in the first one only; the others are for more pods than would fit there.
    _BLOCKS = range(244, 256)

    def __init__(self) -> None:
        self.reuse = False
        self._subnets: dict[str, int] = {}
        self._last: dict[str, int] = {}
        self._taken: set[str] = set()

    def host(self, node: str) -> str:
        """Return the address of *node* itself."""
        return f"172.18.0.{self._subnet(node) + 1}"

    def take(self, node: str) -> str:
        """Return a free address on *node*."""
        first = self._FIRST if self.reuse else self._last.get(node, self._FIRST - 1) + 1
        count = self._LAST - self._FIRST + 1
        for block in self._BLOCKS:
            for step in range(count):
                number = self._FIRST + (first - self._FIRST + step) % count
                address = f"10.{block}.{self._subnet(node)}.{number}"
                if address not in self._taken:
                    self._taken.add(address)
                    self._last[node] = number
                    return address
        raise RuntimeError(f"no free address on {node}")

    def hold(self, address: str) -> None:
        """Hand *address* out to nobody else, wherever it is from."""
        self._taken.add(address)

    def release(self, address: str) -> None:
        """Give *address* back."""
        self._taken.discard(address)

    def _subnet(self, node: str) -> int:
        return self._subnets.setdefault(node, len(self._subnets) + 1)
