"""The one way in which preparing a node fails on purpose."""


class RefusedError(Exception):
    """The node must not start; the message is the line that says why."""
