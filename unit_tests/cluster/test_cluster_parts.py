"""The real cluster's decisions that need no machine: what is marked, named, and read from where."""

from __future__ import annotations

import gc
import hashlib
from pathlib import Path
import warnings

from e2e.cluster import binaries, cache, layout, leftovers, network, nodes, pki, processes

STATE = layout.State(Path("/cache/state"))
NODE_A, NODE_B, NODE_C = layout.NODES


def test_everything_of_a_node_lies_in_its_own_folder() -> None:
    """No file of one kubelet or containerd can be taken for another node's."""
    for node in layout.NODES:
        own = f"{STATE.node_folder(node)}/"
        containerd = nodes.containerd_config(node, STATE)
        kubelet = nodes.kubelet_config(node, STATE)

        assert f'root = "{own}containerd/root"' in containerd
        assert f'state = "{own}containerd/state"' in containerd
        assert f'Root = "{own}runc"' in containerd
        assert kubelet["podLogsDir"] == f"{own}podlogs"
        assert kubelet["cgroupRoot"] == f"/{node.namespace}"


def test_names_fit_into_what_the_kernel_allows() -> None:
    """A device's name has at most 15 characters, a socket's path at most 107."""
    assert all(len(node.veth) <= 15 for node in layout.NODES)
    assert len(str(layout.State.at("/home/me/.cache/casskop-e2e/state").containerd_socket(NODE_A))) < 108


def test_a_node_knows_the_way_to_the_pods_of_the_others() -> None:
    """Pods of different nodes reach each other without help from the machine."""
    plan = [" ".join(argv) for argv in network.node_plan(NODE_A)]

    routes = [line for line in plan if " route add 10.244." in line and "ip -n" in line]
    assert routes == [
        f"ip -n {NODE_A.namespace} route add {NODE_B.pods} via {NODE_B.address}",
        f"ip -n {NODE_A.namespace} route add {NODE_C.pods} via {NODE_C.address}",
    ]


def test_the_bridge_says_whose_cluster_it_is() -> None:
    """A second cluster with another state folder is told about the first."""
    shown = (
        "7: casskop0: <BROADCAST,UP> mtu 1500 qdisc noqueue state UP\n"
        "    link/ether 02:00:00:00:00:01 brd ff:ff:ff:ff:ff:ff promiscuity 0\n"
        "    alias /a folder/state\n"
    )

    assert network.parse_alias(shown) == "/a folder/state"
    assert network.parse_alias("7: casskop0: <UP>\n") == ""


def test_a_program_may_be_called_anything() -> None:
    """Brackets and spaces in a program's name do not shift the fields that follow it."""
    fields = " ".join(["S", *(str(number) for number in range(4, 60))])

    assert processes.parse_stat(f"12 (a) b (c) {fields}\n") == ("S", 22)


def test_a_process_that_stays_is_not_called_a_leak(tmp_path: Path) -> None:
    """Whoever brings the cluster up may go on in the same Python, with warnings as errors."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        started = processes.start(layout.State(tmp_path), "stays", ["sleep", "60"])
        gc.collect()
    try:
        assert started.alive
        assert told == []
    finally:
        processes.kill([started])


def test_only_mounts_below_the_state_are_found() -> None:
    """A folder whose name merely begins alike is somebody else's."""
    table = (
        "1 0 8:1 / / rw - ext4 /dev/vda rw\n"
        "2 1 0:5 / /cache/state/node-a/a\\040b rw - tmpfs tmpfs rw\n"
        "3 1 0:5 / /cache/statement rw - tmpfs tmpfs rw\n"
        "4 2 0:6 / /cache/state/node-a/a\\040b/c rw - tmpfs tmpfs rw\n"
    )

    assert list(leftovers.mount_points(table, STATE.root)) == [
        "/cache/state/node-a/a b",
        "/cache/state/node-a/a b/c",
    ]


def test_the_socket_of_a_shim_is_known_from_its_command_line() -> None:
    """What a killed shim leaves in the shared folder can be removed without asking containerd."""
    words = ["/usr/bin/shim", "-namespace", "k8s.io", "-id", "x", "-address", "/s/containerd.sock"]

    wanted = hashlib.sha256(b"/s/containerd.sock/k8s.io/x").hexdigest()
    assert leftovers.shim_socket(words).name == wanted


def test_only_the_administrator_is_above_rbac() -> None:
    """What the harness itself does at the API is limited by roles, like the operator."""
    masters = [user.key for user in pki.USERS if "system:masters" in user.groups]

    assert masters == ["admin"]
    assert pki.token_line(pki.USERS[-1], "t0k3n") == ('t0k3n,system:node:node-c,node-c,"system:nodes"')


def test_an_old_go_is_told_from_a_recent_one() -> None:
    """Debian's own is refused with a sentence, and not by an error of the build."""
    assert not binaries.is_recent("go version go1.19.8 linux/amd64")
    assert binaries.is_recent("go version go1.24 linux/amd64")
    assert binaries.is_recent("go version go1.26.8 linux/amd64")


def test_a_fingerprint_tells_where_a_part_ends() -> None:
    """Moving a character from one part to the next is a change."""
    assert cache.fingerprint("ab", "c") != cache.fingerprint("a", "bc")
    assert cache.fingerprint("ab") == cache.fingerprint(b"ab")


def test_earlier_builds_are_those_of_the_same_name_only(tmp_path: Path) -> None:
    """The builds of one version do not push out those of another."""
    old, other, new = "0" * 16, "1" * 16, "2" * 16
    names = [f"c-5.0-{old}.tar", f"c-4.1-{other}.tar", f"c-5.0-{other}", f"c-5.0-{new}.tar"]
    things = [tmp_path / name for name in names]

    assert cache.earlier(things, things[-1]) == [things[0]]


def test_a_thing_is_made_once_and_only_when_it_is_missing(tmp_path: Path) -> None:
    """A build that failed leaves nothing, and the next one starts afresh."""
    made: list[Path] = []

    def make(target: Path) -> None:
        made.append(target)
        target.write_text("x" if len(made) > 1 else "half")
        if len(made) == 1:
            raise RuntimeError

    for _ in range(3):
        try:
            cache.kept(tmp_path / "thing", "a thing", make)
        except RuntimeError:
            assert list(tmp_path.iterdir()) == []

    assert len(made) == 2
    assert (tmp_path / "thing").read_text() == "x"
    assert list(tmp_path.iterdir()) == [tmp_path / "thing"]
