"""The query parameters and headers that change how a request is carried out."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from controller.kube.transport import Request
from e2e.simkube import errors
from e2e.simkube.errors import Problems


@attrs.frozen(kw_only=True)
class WriteOptions:
    """How a write is carried out."""

    dry_run: bool = False
    manager: str = "unknown"  # who owns the fields that are written
    named_manager: bool = False  # whether the client gave the manager's name
    validation: str = "Warn"  # of fields that the kind does not have: Ignore, Warn, Strict
    force: bool | None = None


@attrs.frozen(kw_only=True)
class ListOptions:
    """What a list or a watch asks for."""

    version: str = ""  # resourceVersion as given; "" is none
    match: str = ""  # resourceVersionMatch
    limit: int = 0
    token: str = ""  # continue
    labels: str = ""
    fields: str = ""
    timeout: int = 0  # timeoutSeconds
    bookmarks: bool = False
    initial_events: bool | None = None


def truth(text: str | None) -> bool:
    """A boolean query parameter; everything that is not no is yes, an empty one too."""
    return text is not None and text.lower() not in ("false", "0")


def is_watch(request: Request) -> bool:
    """Whether *request* opens a watch."""
    return request.method == "GET" and truth(request.query.get("watch"))


def header(request: Request, name: str, default: str = "") -> str:
    """A request header, whatever its case."""
    for key, value in request.headers.items():
        if key.lower() == name:
            return value
    return default


def write_options(request: Request) -> WriteOptions:
    """The options of a write; 400 or 422 for values that do not exist."""
    query = request.query
    problems = Problems()
    dry_run = query.get("dryRun", "")
    if dry_run not in ("", "All"):
        problems.unsupported("dryRun", dry_run, ("All",))
    validation = query.get("fieldValidation") or "Warn"
    if validation not in ("Ignore", "Warn", "Strict"):
        problems.unsupported("fieldValidation", validation, ("", "Ignore", "Strict", "Warn"))
    manager = query.get("fieldManager", "")
    if len(manager) > 128:
        problems.too_long("fieldManager", 128)
    if problems:
        kind = {"POST": "CreateOptions", "PATCH": "PatchOptions"}.get(request.method, "UpdateOptions")
        raise errors.invalid(kind, "meta.k8s.io", "", problems.causes)
    agent = header(request, "user-agent").partition("/")[0]
    return WriteOptions(
        dry_run=dry_run == "All",
        manager=manager or agent or "unknown",
        named_manager=bool(manager),
        validation=validation,
        force=truth(query["force"]) if "force" in query else None,
    )


def list_options(query: Mapping[str, str], *, watch: bool) -> ListOptions:
    """The options of a list or *watch*; 400 or 422 for those that do not go together."""
    try:
        limit = int(query.get("limit") or 0)
        timeout = int(query.get("timeoutSeconds") or 0)
    except ValueError as error:
        raise errors.bad_request(f"strconv.ParseInt: {error}") from None
    initial = truth(query["sendInitialEvents"]) if "sendInitialEvents" in query else None
    options = ListOptions(
        version=query.get("resourceVersion", ""),
        match=query.get("resourceVersionMatch", ""),
        limit=limit,
        token=query.get("continue", ""),
        labels=query.get("labelSelector", ""),
        fields=query.get("fieldSelector", ""),
        timeout=timeout,
        bookmarks=truth(query.get("allowWatchBookmarks")),
        initial_events=initial,
    )
    problems = Problems()
    (_check_watch if watch else _check_list)(options, problems)
    if problems:
        raise errors.invalid("ListOptions", "meta.k8s.io", "", problems.causes)
    return options


def _check_list(options: ListOptions, problems: Problems) -> None:
    field = "resourceVersionMatch"
    if options.initial_events is not None:
        problems.forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list")
    if not options.match:
        return
    if options.token:
        problems.forbidden(field, "resourceVersionMatch is forbidden when continue is provided")
    if not options.version:
        problems.forbidden(field, "resourceVersionMatch is forbidden unless resourceVersion is provided")
    if options.match not in ("Exact", "NotOlderThan"):
        problems.unsupported(field, options.match, ("Exact", "NotOlderThan", ""))
    if options.match == "Exact" and options.version == "0":
        problems.forbidden(field, 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"')


def _check_watch(options: ListOptions, problems: Problems) -> None:
    field = "resourceVersionMatch"
    if options.match and options.initial_events is None:
        problems.forbidden(
            field,
            "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
        )
    if options.initial_events is None:
        return
    if options.match == "":
        problems.forbidden(field, "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan")
    elif options.match != "NotOlderThan":
        problems.unsupported(field, options.match, ("NotOlderThan",))
    if options.token:
        problems.forbidden("continue", "continue is forbidden for watch with sendInitialEvents")


def parse_version(text: str) -> int:
    """A resourceVersion as a number; "" and "0" are 0; 400 if it is none."""
    if not text:
        return 0
    if not text.isdecimal() or not text.isascii():
        raise errors.bad_request(
            f'invalid resource version: resourceVersion: Invalid value: "{text}": '
            f'strconv.ParseUint: parsing "{text}": invalid syntax'
        )
    return int(text)
