"""
The JVM options of CONFIG_FILE_DATA, put into the files that the image's Cassandra reads.

3.11 reads jvm.options. 4.0 and later read jvm-server.options and one file for the Java that they run with.
`jvm-options` means the server's options of whatever version is in the image, and so does
`jvm-server-options`; what is only for one Java goes into `jvm8-`, `jvm11-`, `jvm17-server-options`.
Nothing that a user wrote is dropped in silence: it is used, warned of, or a problem.
"""

from __future__ import annotations

from collections.abc import Mapping

from controller.bootstrap import jvmtable
from controller.bootstrap.findings import Findings
from controller.bootstrap.jvmflags import MORE, Wish, Wishes, put, put_lines, read_section, yes
from controller.bootstrap.optionsfile import OptionsFile, name_of
from controller.bootstrap.renames import Version

SERVER_SECTIONS = ("jvm-options", "jvm-server-options")
JAVA_SECTIONS = {
    "jvm8-server-options": 8,
    "jvm11-server-options": 11,
    "jvm17-server-options": 17,
    "jvm21-server-options": 21,
}
CLIENT_SECTIONS = {
    "jvm-clients-options": "jvm-clients.options",
    "jvm8-clients-options": "jvm8-clients.options",
    "jvm11-clients-options": "jvm11-clients.options",
    "jvm17-clients-options": "jvm17-clients.options",
}
JVM_SECTIONS = (*SERVER_SECTIONS, *JAVA_SECTIONS, *CLIENT_SECTIONS)
JAVA_FILES = {java: f"jvm{java}-server.options" for java in JAVA_SECTIONS.values()}
_PER_JAVA = {
    jvmtable.GARBAGE_COLLECTOR,
    *jvmtable.COLLECTOR_OF,
    *jvmtable.JAVA_8,
    *jvmtable.MODULES,
}
_JMX_PORT = "7199"
_TLS = ("jmx_remote_ssl", "jmx_remote_ssl_require_client_auth", "jmx_remote_ssl_opts")
_FIRST_MODULAR_JAVA = 9
_ONLY_JAVA_8 = "only Java 8 has this; for later ones put -Xlog into additional-jvm-opts"
_NOT_JAVA_8 = "not used: Java 8 has no modules"

Config = Mapping[str, Mapping[str, object]]
Files = dict[str, OptionsFile]


def main_file(version: Version) -> str:
    """Return the name of the file with the options for every Java."""
    return "jvm-server.options" if version >= (4, 0) else "jvm.options"


def render_jvm(
    config: Config, originals: Mapping[str, str], version: Version, findings: Findings
) -> dict[str, str]:
    """Return the options files that change, by name."""
    main = main_file(version)
    files = {main: OptionsFile(originals.get(main, ""))}
    javas = {8: main}
    if version >= (4, 0):
        javas = {java: name for java, name in JAVA_FILES.items() if name in originals}
        files |= {name: OptionsFile(originals[name]) for name in javas.values()}
        # An image may have only the one file; these are the Javas of the official images.
        javas = javas or {17 if version >= (5, 0) else 11: main}
    server = _server_section(config, version, findings)
    _general(files[main], server)
    _jmx(files[main], server)
    _per_java(files, javas, server, config, findings)
    put_lines(files[main], server.get(MORE))
    for section, name in CLIENT_SECTIONS.items():
        if section in config:
            _clients(files, originals.get(name), name, read_section(config[section], findings.at(section)))
    return {name: file.text() for name, file in files.items() if file.changed}


def _server_section(config: Config, version: Version, findings: Findings) -> Wishes:
    """Merge the two names of the server's section; the one that the version reads wins."""
    own, other = SERVER_SECTIONS[::-1] if version >= (4, 0) else SERVER_SECTIONS
    merged = read_section(config.get(other, {}), findings.at(other))
    for key, wish in read_section(config.get(own, {}), findings.at(own)).items():
        if key in merged and merged[key].value != wish.value:
            merged[key].place.warning(f"not used: {wish.place.path} says otherwise")
        merged[key] = wish
    return merged


def _general(file: OptionsFile, wishes: Wishes) -> None:
    # Flags that unlock others have to stand before them.
    for key in sorted(wishes, key=lambda key: not key.startswith("unlock")):
        if key in jvmtable.GENERAL:
            put(file, jvmtable.GENERAL[key], wishes[key])
    heap = {name_of(line): line for line in file.active() if line.startswith(("-Xms", "-Xmx"))}
    if len(heap) == 1:
        (line,) = heap.values()
        twin = ("-Xmx" if line.startswith("-Xms") else "-Xms") + line[4:]
        file.put(twin)
        wish = wishes.get("initial_heap_size") or wishes.get("max_heap_size")
        if wish is not None:
            wish.place.warning(f"{line} alone keeps Cassandra from starting, so {twin} was added")


def _per_java(
    files: Files, javas: Mapping[int, str], server: Wishes, config: Config, findings: Findings
) -> None:
    """Set what depends on the Java: the collector, its tuning, logging, modules."""
    shared = {key: wish for key, wish in server.items() if key in _PER_JAVA}
    for key, wish in shared.items():
        if key in jvmtable.JAVA_8 and min(javas) >= _FIRST_MODULAR_JAVA:
            wish.place.problem(_ONLY_JAVA_8)
        if key in jvmtable.MODULES and max(javas) < _FIRST_MODULAR_JAVA:
            wish.place.warning(_NOT_JAVA_8)
    for section, java in JAVA_SECTIONS.items():
        if section in config and JAVA_FILES[java] not in files:
            findings.at(section).problem(f"the Cassandra image has no {JAVA_FILES[java]}")
    for java, name in javas.items():
        section = f"jvm{java}-server-options"
        own = (
            read_section(config.get(section, {}), findings.at(section)) if name in JAVA_FILES.values() else {}
        )
        wishes = shared | own
        file = files[name]
        _general(file, own)
        chosen = wishes.get(jvmtable.GARBAGE_COLLECTOR)
        asked_for_here = java == max(javas) or jvmtable.GARBAGE_COLLECTOR in own
        collector = _collector(file, java, chosen, required=asked_for_here)
        for key in wishes:
            _set_for_java(file, java, collector, key, wishes[key])
        _misplaced(java, own)
        put_lines(file, own.get(MORE))


def _set_for_java(file: OptionsFile, java: int, collector: str, key: str, wish: Wish) -> None:
    """Set one option that not every Java or collector has."""
    if key in jvmtable.COLLECTOR_OF:
        owner = jvmtable.COLLECTOR_OF[key]
        if owner == collector:
            put(file, jvmtable.TUNING[owner][key], wish)
        else:
            wish.place.warning(f"not used with Java {java}: it is {owner}'s, which is not chosen there")
    elif key in jvmtable.JAVA_8 and java < _FIRST_MODULAR_JAVA:
        put(file, jvmtable.JAVA_8[key], wish)
    elif key in jvmtable.MODULES and java >= _FIRST_MODULAR_JAVA:
        put(file, jvmtable.MODULES[key], wish)


def _misplaced(java: int, own: Wishes) -> None:
    """Refuse in the section of one Java what that Java does not have, or what is for all of them."""
    for key, wish in own.items():
        if key in jvmtable.JMX:
            wish.place.problem(f"it is for every Java: write it under {SERVER_SECTIONS[1]}")
        elif key in jvmtable.JAVA_8 and java >= _FIRST_MODULAR_JAVA:
            wish.place.problem(_ONLY_JAVA_8)
        elif key in jvmtable.MODULES and java < _FIRST_MODULAR_JAVA:
            wish.place.warning(_NOT_JAVA_8)


def _collector(file: OptionsFile, java: int, wish: Wish | None, *, required: bool) -> str:
    """
    Choose the collector in *file* and return the one that will run, "" if it is none of ours.

    *required* says that the wish is for this Java: it is the one which will most likely read the file, or
    the wish stands in its own section.
    """
    there = [name for name, known in jvmtable.COLLECTORS.items() if known.flag in file.active()]
    default = "G1GC" if java >= _FIRST_MODULAR_JAVA else ""
    current = there[0] if there else default
    if wish is None:
        return current
    names = {name.lower(): name for name in jvmtable.COLLECTORS}
    name = names.get(str(wish.value).lower())
    if name is None:
        wish.place.problem(f"it has to be one of {', '.join(jvmtable.COLLECTORS)}")
        return current
    chosen = jvmtable.COLLECTORS[name]
    if not chosen.first_java <= java <= chosen.last_java:
        if required:
            wish.place.problem(f"Java {java}, which the Cassandra image may run, has no {name}")
        return current
    if there != [name]:
        _change_collector(file, chosen, java)
    return name


def _change_collector(file: OptionsFile, chosen: jvmtable.Collector, java: int) -> None:
    for line in file.active():
        flag = name_of(line).removeprefix("-XX:")
        if flag in jvmtable.COLLECTOR_FLAGS or flag.startswith(jvmtable.COLLECTOR_FLAG_PREFIXES):
            file.drop(name_of(line))
    if chosen is jvmtable.COLLECTORS["CMS"] and java < _FIRST_MODULAR_JAVA:
        file.put("-XX:+UseParNewGC")
    for line in chosen.lines:
        file.put(line)


def _jmx(file: OptionsFile, wishes: Wishes) -> None:
    """Open JMX to the network if that is what the configuration says; else it stays on loopback."""
    port = wishes.get("jmx_port")
    if port is not None and str(port.value) != _JMX_PORT:
        port.place.problem(f"it has to be {_JMX_PORT}, which the pod and its services name")
    connection = wishes.get("jmx_connection_type")
    if connection is not None and connection.value not in ("local-no-auth", "remote-no-auth"):
        connection.place.problem("it has to be local-no-auth or remote-no-auth")
        return
    if connection is None or connection.value == "local-no-auth":
        _unused_tls(wishes, _TLS, "JMX stays on loopback; jmx-connection-type is not remote-no-auth")
        return
    connection.place.warning(
        "JMX is open to the pod network without a password; local-no-auth keeps it on loopback"
    )
    file.put(f"-Dcassandra.jmx.remote.port={_JMX_PORT}")
    file.put(f"-Dcom.sun.management.jmxremote.rmi.port={_JMX_PORT}")
    if not yes(wishes.get("jmx_remote_ssl")):
        _unused_tls(wishes, _TLS[1:], "jmx-remote-ssl is not true")
        return
    file.put("-Dcom.sun.management.jmxremote.ssl=true")
    file.put("-Dcom.sun.management.jmxremote.registry.ssl=true")
    if yes(wishes.get("jmx_remote_ssl_require_client_auth")):
        file.put("-Dcom.sun.management.jmxremote.ssl.need.client.auth=true")
    put_lines(file, wishes.get("jmx_remote_ssl_opts"))


def _unused_tls(wishes: Wishes, keys: tuple[str, ...], reason: str) -> None:
    """Tell of wishes for TLS that come to nothing; a wish for none does not."""
    for key in keys:
        wish = wishes.get(key)
        if wish is not None and wish.value not in (False, "false", []):
            wish.place.warning(f"not used: {reason}")


def _clients(files: Files, original: str | None, name: str, wishes: Wishes) -> None:
    """Set the options of nodetool and its like: only free flags have a use there."""
    for key, wish in wishes.items():
        if original is None:
            wish.place.problem(f"the Cassandra image has no {name}")
        elif key != MORE:
            wish.place.problem("only additional-jvm-opts is known here")
    if original is not None:
        files[name] = OptionsFile(original)
        put_lines(files[name], wishes.get(MORE))
