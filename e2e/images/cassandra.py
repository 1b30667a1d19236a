"""
Cassandra's images, laid out like the official ones, from the jars on Maven Central.

4.0 and 4.1 are meant for Java 8 and 11; they run on 17 with the agent of jamm and the module options
that ``jvm17-server.options`` here gives, a combination that upstream does not support.
"""

from __future__ import annotations

from pathlib import Path
import shutil

from e2e.cluster.cache import fingerprint, fingerprint_of_files, forget_earlier, kept
from e2e.cluster.layout import cache_folder
from e2e.cluster.shell import run
from e2e.images import base, builder

FOLDER = Path(__file__).parent / "cassandra"
# The image's tag, and the version whose jars are in it.
VERSIONS = {"5.0": "5.0.9", "4.1": "4.1.10", "4.0": "4.0.19"}
MAVEN_TIMEOUT = 900.0  # seconds
# Libraries for other machines than ours.
FOREIGN = ("*-osx-*.jar", "*-windows-*.jar", "*-aarch_64.jar", "*-riscv64.jar")


def build(tag: str = "5.0") -> Path:
    """
    Return the archive of ``cassandra:TAG``, built if anything of it has changed.

    *tag* is one of VERSIONS.
    """
    version = VERSIONS[tag]
    others = {f"conf-{other}" for other in VERSIONS if other != tag}
    own = [file for file in FOLDER.rglob("*") if file.is_file() and file.parent.name not in others]
    key = fingerprint(fingerprint_of_files(FOLDER, own), version, base.JAVA.image)
    file = cache_folder() / "images" / f"cassandra-{tag}-{key}.tar"
    kept(file, f"the image cassandra:{tag}", lambda target: _build(tag, target))
    forget_earlier(file)
    return file


def jars(version: str) -> Path:
    """Return the folder with the jars of a version, fetched if they are not there yet."""
    key = fingerprint_of_files(FOLDER, [FOLDER / "pom.xml"])
    folder = cache_folder() / "images" / f"jars-{version}-{key}"
    return kept(folder, f"the jars of Cassandra {version}", lambda to: _fetch(version, to))


def _fetch(version: str, target: Path) -> None:
    run(
        *("mvn", "-q", "-B", "-ntp", "-f", FOLDER / "pom.xml", "dependency:copy-dependencies"),
        *(f"-Dcassandra.version={version}", "-DincludeScope=runtime"),
        f"-DoutputDirectory={target}",
        timeout=MAVEN_TIMEOUT,
    )
    for pattern in FOREIGN:
        for jar in target.glob(pattern):
            jar.unlink()


def _build(tag: str, target: Path) -> None:
    version = VERSIONS[tag]
    context = target.parent / "context"
    shutil.copytree(FOLDER / "bin", context / "bin")
    shutil.copytree(FOLDER / "conf", context / "conf")
    shutil.copytree(FOLDER / f"conf-{tag}", context / "conf", dirs_exist_ok=True)
    shutil.copytree(jars(version), context / "lib")
    arguments = {"BASE_IMAGE": base.ensure(base.JAVA)}
    image = builder.build(context, FOLDER / "Containerfile", arguments)
    builder.save(image, target, f"docker.io/library/cassandra:{tag}")
