"""
The plugin as one file: `python -m controller.plugin.single_file FILE`, or `make plugin`.

The file holds this package and the libraries that it needs, all in Python, and runs wherever there are
Python 3.11 and kubectl. Parts of libraries that are compiled are left out; each has a substitute in Python.
From a checkout it brings the simulator along, with which `simulate` works: no other installation has it.
"""

from __future__ import annotations

from collections.abc import Iterator
import compileall
from importlib import metadata
from pathlib import Path
import py_compile
import re
import shutil
import sys
import tempfile
from typing import Final
import zipapp

import controller
from controller.plugin.extensions import GROUP

LIBRARIES: Final = ("attrs", "cattrs", "httpx", "prometheus-client", "PyYAML", "structlog", "tenacity")
_SUFFIXES: Final = frozenset({".py", ".pem"})
# The simulator, as folders of a checkout, and how `controller.plugin.extensions` finds its command.
SIMULATOR: Final = "e2e"
_PARTS: Final = ("providers", "rehearsal", "simcassandra", "simcontrollers", "simkube", "sweep")
_SIMULATED: Final = frozenset({".py", ".json"})
_COMMAND: Final = "simulate = e2e.rehearsal.command:COMMAND"
_NAME: Final = re.compile(r"[A-Za-z0-9._-]+")
_MAIN: Final = """\
import sys
from pathlib import Path

from controller.plugin.__main__ import main
from controller.plugin.completion import entry

sys.exit(entry() if Path(sys.argv[0]).name.startswith("kubectl_complete") else main())
"""


def libraries() -> Iterator[metadata.Distribution]:
    """Yield the libraries that the plugin needs, and those that they need."""
    todo, seen = list(LIBRARIES), set[str]()
    while todo:
        name = todo.pop()
        if name.lower() in seen:
            continue
        seen.add(name.lower())
        try:
            found = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            if name in LIBRARIES:
                raise
            # It is for other releases of Python.
            continue
        yield found
        for line in found.requires or ():
            match = _NAME.match(line)
            if match and "extra ==" not in line:
                todo.append(match.group())


def build(target: Path) -> None:
    """Write the plugin to *target*, as a program."""
    with tempfile.TemporaryDirectory() as folder:
        stage = Path(folder)
        shutil.copytree(
            Path(controller.__file__).parent,
            stage / "controller",
            ignore=lambda _, names: [n for n in names if "." in n and Path(n).suffix not in _SUFFIXES],
        )
        _bring_simulator(stage)
        for library in libraries():
            _copy(library, stage)
        (stage / "__main__.py").write_text(_MAIN)
        for cache in stage.rglob("__pycache__"):
            shutil.rmtree(cache)
        # Python of this very release need not compile it at each start; any other one goes by the sources.
        compileall.compile_dir(
            stage,
            quiet=1,
            legacy=True,
            stripdir=folder,
            invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
        )
        target.parent.mkdir(parents=True, exist_ok=True)
        zipapp.create_archive(stage, target, interpreter="/usr/bin/env python3", compressed=True)


def _bring_simulator(stage: Path) -> None:
    """Copy the simulator of a checkout, if this is one, and name its command as an installed package does."""
    source = Path(controller.__file__).parent.parent / SIMULATOR
    if not source.is_dir():
        return
    for path in (*source.glob("*.py"), *(found for part in _PARTS for found in (source / part).rglob("*"))):
        if path.suffix in _SIMULATED:
            aim = stage / SIMULATOR / path.relative_to(source)
            aim.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, aim)
    info = stage / f"casskop_simulator-{controller.__version__}.dist-info"
    info.mkdir()
    about = f"Metadata-Version: 2.1\nName: casskop-simulator\nVersion: {controller.__version__}\n"
    (info / "METADATA").write_text(about)
    (info / "entry_points.txt").write_text(f"[{GROUP}]\n{_COMMAND}\n")


def _copy(library: metadata.Distribution, stage: Path) -> None:
    """Copy what a library consists of, and its name and version."""
    for path in library.files or ():
        inside = not path.is_absolute() and ".." not in path.parts
        if inside and (path.suffix in _SUFFIXES or path.name == "METADATA"):
            aim = stage / path
            aim.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(str(path.locate()), aim)


def main() -> int:
    """Build the file that is named."""
    (target,) = sys.argv[1:]
    build(Path(target))
    return 0


if __name__ == "__main__":
    sys.exit(main())
