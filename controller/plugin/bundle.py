"""
`bundle`: all that is known of a cluster in one file, without secrets, for people who cannot look themselves.

It holds the CassandraCluster, StatefulSets, pods, volumes, Services, budget, the record of members, events
and the operator's log lines; of Kubernetes nodes and volumes what says where pods can be. `plan` and
`simulate` replay it (`--bundle FILE`). Secrets and ConfigMaps of users are not in it.
"""

from __future__ import annotations

import argparse
import base64
import binascii
from collections.abc import Mapping
import datetime as dt
import io
import json
from pathlib import Path
import tarfile
import time
from typing import Any, Final

from controller import __version__
from controller.api.v2 import names
from controller.domain.errors import OperatorError
from controller.kube import kinds
from controller.plugin.command import Command, cluster_argument
from controller.plugin.errors import DONE, StopError
from controller.plugin.logs import operator_log
from controller.plugin.redact import Hider
from controller.plugin.session import Object, Session
from controller.plugin.surroundings import with_surroundings
from controller.plugin.world import World, read
from controller.telemetry.redaction import Redactor

_KIND: Final = "CasskopBundle"
_FILE: Final = "bundle.json"


def collect(session: Session, cluster: Object) -> Object:
    """Return all that is known of *cluster*, redacted."""
    name = cluster["metadata"]["name"]
    world = with_surroundings(session, read(session, cluster))
    redactor = Redactor()
    unread = dict(world.unread)
    _learn_login(session, cluster, redactor, unread)
    entries, missing = operator_log(session, name)
    unread.update({f"log {number}": why for number, why in enumerate(missing)})
    hider = Hider(redactor)
    found = {
        "cluster": hider.object(_lean(cluster)),
        "objects": {
            plural: [hider.object(_lean(obj)) for obj in objects if _ours(plural, obj)]
            for plural, objects in world.objects.items()
        },
        "events": hider.object(_events(session, name, unread)),
        "log": hider.object(entries),
    }
    return {
        "kind": _KIND,
        "version": __version__,
        "takenAt": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(session.now())),
        "namespace": session.namespace,
        "image": world.image,
        "unread": unread,
        "hidden": hider.hidden,
        **found,
    }


def _learn_login(session: Session, cluster: Object, redactor: Redactor, unread: dict[str, str]) -> None:
    """Have the password of the nodes hidden wherever it stands, if the user may read it."""
    secret = ((cluster.get("spec") or {}).get("imageJolokiaSecret") or {}).get("name")
    if not secret:
        return
    try:
        data = session.client.get(kinds.SECRET, session.namespace, secret).get("data") or {}
        redactor.register(base64.b64decode(data.get("password", "")).decode())
    except OperatorError as error:
        unread["login"] = str(error)
    except (binascii.Error, UnicodeDecodeError):
        unread["login"] = f"the password in Secret {secret} is no text"


def _lean(obj: Object) -> Object:
    """Return *obj* without the server's notes on who owns which field."""
    metadata = {key: value for key, value in obj["metadata"].items() if key != "managedFields"}
    return {**obj, "metadata": metadata}


def _ours(plural: str, obj: Object) -> bool:
    """Tell whether *obj* may be shown: a ConfigMap of the user's may hold anything."""
    return plural != kinds.CONFIG_MAP.plural or kinds.owner_key(obj) is not None


def _events(session: Session, name: str, unread: dict[str, str]) -> list[Object]:
    """Return the events about the cluster and its objects, oldest first."""
    try:
        found = session.items(kinds.CORE_EVENT)
    except OperatorError as error:
        unread["events"] = str(error)
        return []
    mine = [
        _lean(event)
        for event in found
        if (about := str((event.get("involvedObject") or {}).get("name", ""))) == name
        or about.startswith((f"{name}-", f"{names.DATA}-{name}-"))
    ]
    return sorted(mine, key=lambda e: str(e.get("lastTimestamp") or e.get("eventTime") or ""))


def save(content: Mapping[str, Any], path: Path) -> None:
    """Write a bundle: a tar archive by its name, else JSON; only its user may read it."""
    text = json.dumps(content, indent=1).encode()
    if not _is_tar(path):
        path.touch(mode=0o600)
        path.write_bytes(text)
        return
    path.touch(mode=0o600)
    with tarfile.open(path, "w:gz" if path.name.endswith("gz") else "w") as archive:
        entry = tarfile.TarInfo(_FILE)
        entry.size = len(text)
        archive.addfile(entry, io.BytesIO(text))


def load(path: Path) -> tuple[World, int]:
    """Return the world in a bundle, and how many secrets were hidden in it."""
    try:
        content = json.loads(_text(path))
        assert content["kind"] == _KIND
        return World(
            namespace=content["namespace"],
            cluster=content["cluster"],
            objects={plural: tuple(objects) for plural, objects in content["objects"].items()},
            image=content["image"],
            unread=content["unread"],
            taken=_seconds(content["takenAt"]),
        ), content["hidden"]
    except OSError as error:
        raise StopError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AssertionError, tarfile.TarError):
        raise StopError(f"{path} is no bundle of kubectl casskop") from None


def _seconds(stamp: str) -> float:
    return dt.datetime.fromisoformat(stamp).timestamp()


def _text(path: Path) -> bytes:
    if not _is_tar(path):
        return path.read_bytes()
    with tarfile.open(path) as archive:
        member = archive.extractfile(_FILE)
        return member.read() if member is not None else b""


def _is_tar(path: Path) -> bool:
    return path.name.endswith((".tar", ".tar.gz", ".tgz"))


def _bundle(session: Session, given: argparse.Namespace) -> int:
    cluster = session.the_cluster(given.cluster)
    content = collect(session, cluster)
    path = Path(given.file or f"{cluster['metadata']['name']}-bundle.tar.gz")
    if given.file or not session.out.as_json:
        try:
            save(content, path)
        except OSError as error:
            raise StopError(f"{path} cannot be written: {error.strerror}") from None
    session.out.say(f"Wrote {path}: {content['hidden']} values were hidden. Read it before you pass it on")
    for what, why in content["unread"].items():
        session.out.say(f"Without {what}: {why}")
    session.out.result({"file": str(path), "hidden": content["hidden"]} if given.file else content)
    return DONE


def _arguments(parser: argparse.ArgumentParser) -> None:
    cluster_argument(parser)
    parser.add_argument(
        "-f",
        "--file",
        help="file to write: .tar.gz, .tgz, .tar, or anything else for JSON (CLUSTER-bundle.tar.gz)",
    )


COMMANDS = (
    Command(
        name="bundle",
        help="save all that is known of a cluster in one file, without secrets",
        arguments=_arguments,
        run=_bundle,
        epilog="With -o json and no file it is printed.",
    ),
)
