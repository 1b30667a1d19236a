"""Which images can be had, and on which nodes they already are."""

from __future__ import annotations

from collections.abc import Callable, Iterable

# What a kubelet says of an image that no registry has.
_MISSING = (
    'failed to pull and unpack image "{image}": failed to resolve reference "{image}": {image}: not found'
)


class Images:
    """*known* images can be pulled; *unknown*, if given, cannot, and then all others can.

    Of what is neither, only those exist of which *exists* is true, if it is given.
    """

    def __init__(
        self,
        *,
        known: Iterable[str] | None = None,
        unknown: Iterable[str] = (),
        exists: Callable[[str], bool] = lambda _: True,
    ) -> None:
        self._exists = exists
        self._known = None if known is None else set(known)
        self._unknown = set(unknown)
        self._published: set[str] = set()
        self._present: set[tuple[str, str]] = set()

    def publish(self, image: str) -> None:
        """Let *image* be pulled from now on."""
        self._unknown.discard(image)
        self._published.add(image)
        if self._known is not None:
            self._known.add(image)

    def withdraw(self, image: str) -> None:
        """Let *image* not be pulled any more; where it is, it stays."""
        self._unknown.add(image)
        self._published.discard(image)
        if self._known is not None:
            self._known.discard(image)

    def present(self, node: str, image: str) -> bool:
        """Return whether *image* is on *node*."""
        return (node, image) in self._present

    def pull(self, node: str, image: str, *, always: bool = False) -> str | None:
        """Bring *image* to *node*; return the error text if it cannot be had.

        With *always* the registry is asked even if the image is there.
        """
        if self._known is not None:
            missing = image not in self._known
        else:
            missing = image in self._unknown or not (image in self._published or self._exists(image))
        if missing and (always or not self.present(node, image)):
            return _MISSING.format(image=image)
        self._present.add((node, image))
        return None
