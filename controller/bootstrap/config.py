"""
`casskop config-builder`: the init container that renders the node's configuration.

It reads the files that base-config-builder copied out of the Cassandra image, keeps them aside, and writes
what `render` makes of them. Run again on the same folder it starts from the kept files, and gives the same.
It exits with 1 and one line for each problem, also in the container's termination message.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
import os
from pathlib import Path
import sys

from controller.bootstrap import disk
from controller.bootstrap.refusal import bugs_told
from controller.bootstrap.render import FILES, MARK, Files, Inputs, Problems, render

_NAME = "config-builder"


def main() -> int:
    """Render from the environment; return the exit code."""
    with bugs_told(disk.TERMINATION_LOG):
        return run(os.environ, sys.stdout.write, disk.TERMINATION_LOG)


def run(environment: Mapping[str, str], say: Callable[[str], object], termination_log: Path) -> int:
    """Render from *environment*, telling *say* line by line; return the exit code."""
    folder = Path(environment.get("CONFIG_OUTPUT_DIRECTORY") or "/bootstrap")
    try:
        result = render(
            Inputs(
                data=environment.get("CONFIG_FILE_DATA", ""),
                originals=_originals(folder),
                rack=environment.get("RACK_NAME", ""),
                pod_ip=environment.get("POD_IP", ""),
                product_name=environment.get("PRODUCT_NAME", "cassandra"),
                product_version=environment.get("PRODUCT_VERSION", ""),
            )
        )
        if isinstance(result, Files):
            _write(folder, result)
    except (OSError, UnicodeDecodeError) as error:
        result = Problems(lines=(f"{folder}: {error}",))
    match result:
        case Files():
            for warning in result.warnings:
                say(f"{_NAME}: warning: {warning}\n")
            version = ".".join(map(str, result.version))
            say(f"{_NAME}: Cassandra {version}: wrote {', '.join(sorted(result.files))}\n")
            return 0
        case Problems(lines=lines):
            for line in lines:
                say(f"{_NAME}: {line}\n")
            disk.leave_word(lines, termination_log)
            return 1


def _kept(folder: Path) -> Path:
    """Where the image's own files are kept; hidden, so that `cp /etc/cassandra/*` never brings one."""
    return folder / ".casskop" / "originals"


def _originals(folder: Path) -> dict[str, str]:
    """
    Return the image's own files.

    A file without our mark is the image's, also when base-config-builder has copied it anew.
    A file with it was rendered by an earlier run, and its original is the kept one.
    """
    found: dict[str, str] = {}
    for name in FILES:
        text = disk.read(folder / name)
        if text is not None and MARK in text:
            text = disk.read(_kept(folder) / name)
        if text is not None:
            found[name] = text
            disk.write(_kept(folder) / name, text)
    return found


def _write(folder: Path, result: Files) -> None:
    for name, text in result.files.items():
        disk.write(folder / name, text)
