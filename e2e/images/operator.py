"""
The operator's own image, from the project's Dockerfile, as users build it but for its base images.

Buildah decides what has changed, so a build is asked for every time; it takes seconds when nothing
has. The machine's settings of pip and its certificates are lent to the build and are not in the
image.
"""

from __future__ import annotations

import ast
import os
from pathlib import Path
import sys
import tempfile

from e2e.cluster.cache import forget_earlier, kept
from e2e.cluster.layout import cache_folder
from e2e.cluster.shell import Trouble, run
from e2e.images import base, builder

PROJECT = Path(__file__).parents[2]
TAG = "docker.io/library/casskop:dev"
CERTIFICATES = Path("/etc/ssl/certs")


def build() -> Path:
    """Return the archive of ``casskop:dev``, as the work tree is now."""
    dockerfile = PROJECT / "Dockerfile"
    if not dockerfile.exists():
        raise Trouble(f"there is no {dockerfile}: run it from a checkout of the project")
    run("make", "-C", PROJECT, "agents", timeout=600)
    arguments = {
        "BUILD_IMAGE": base.ensure(base.PYTHON_BUILD),
        "RUNTIME_IMAGE": base.ensure(base.PYTHON),
    }
    with tempfile.TemporaryDirectory() as folder:
        settings = pip_settings()
        config = Path(folder) / "pip.conf"
        config.write_text(pip_config(settings))
        volumes = [f"--volume={config}:/etc/pip.conf:ro"]
        volumes += [f"--volume={path}:{path}:ro" for path in lent(settings)]
        image = builder.build(PROJECT, dockerfile, arguments, *volumes)
    file = cache_folder() / "images" / f"operator-{image[:16]}.tar"
    kept(file, f"the archive of {TAG}", lambda target: builder.save(image, target, TAG))
    forget_earlier(file)
    return file


def pip_settings() -> dict[str, str]:
    """What pip is told on this machine, by environment or by file, without the option's dashes."""
    told = run(sys.executable, "-m", "pip", "config", "list", env=os.environ).stdout
    return parse_settings(told)


def parse_settings(text: str) -> dict[str, str]:
    r"""
    Read the output of ``pip config list``; where two places say something, the environment wins.

    >>> parse_settings("global.timeout='60'\n:env:.timeout='9'\n")
    {'timeout': '9'}
    """
    settings: dict[str, str] = {}
    for line in sorted(text.splitlines(), key=lambda line: line.startswith(":env:")):
        name, equals, value = line.partition("=")
        section, _, option = name.rpartition(".")
        if equals and section in ("global", "install", ":env:"):
            settings[option] = str(ast.literal_eval(value))
    return settings


def pip_config(settings: dict[str, str]) -> str:
    """A pip.conf that says the same."""
    lines = [f"{option} = {' '.join(value.split())}" for option, value in settings.items()]
    return "\n".join(["[global]", *lines, ""])


def lent(settings: dict[str, str]) -> list[Path]:
    """The files and folders of this machine that the settings speak of, with its certificates."""
    words = [word for value in settings.values() for word in value.split()]
    paths = {CERTIFICATES, *(Path(word) for word in words if word.startswith("/"))}
    return sorted(path for path in paths if path.exists() and not _below(path, paths))


def _below(path: Path, others: set[Path]) -> bool:
    return any(path != other and path.is_relative_to(other) for other in others)
