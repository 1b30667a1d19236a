"""Facts about what the nodes of a ring at rest say of themselves, of each other, and of their data."""

from __future__ import annotations

import re

import pytest

from e2e.contract_jolokia.agents import DETECTOR, GOSSIPER, PROXY, SNITCH, Ring

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
DETAILS = re.compile(r"EndpointDetails\(host:([^,]+), datacenter:([^,]+), rack:([^,)]+)\)")


def test_everybody_is_normal_and_serves(ring: Ring) -> None:
    """With CQL and gossip running, and nothing under way."""
    for agent in ring.agents:
        assert agent.read("OperationMode") == "NORMAL"
        assert (agent.read("NativeTransportRunning"), agent.read("GossipRunning")) == (True, True)
        assert (agent.read("Joined"), agent.read("Starting"), agent.read("Drained")) == (True, False, False)


def test_everybody_lists_everybody(ring: Ring) -> None:
    """Itself included; nobody is down or on the move."""
    for agent in ring.agents:
        assert sorted(agent.read("LiveNodes")) == ring.hosts
        for name in ("UnreachableNodes", "JoiningNodes", "LeavingNodes", "MovingNodes"):
            assert agent.read(name) == []


@pytest.mark.parametrize(
    "name", ["LiveNodes", "UnreachableNodes", "JoiningNodes", "LeavingNodes", "MovingNodes"]
)
def test_lists_come_with_ports_too(ring: Ring, name: str) -> None:
    """Under another name."""
    plain, ported = ring.first.read(name), ring.first.read(f"{name}WithPort")

    assert sorted(ported) == sorted(f"{host}:7000" for host in plain)


def test_host_ids_are_the_same_everywhere(ring: Ring) -> None:
    """One for each address; a node knows its own."""
    known = ring.first.read("EndpointToHostId")

    assert sorted(known) == ring.hosts
    assert all(UUID.fullmatch(host_id) for host_id in known.values())
    for agent in ring.agents:
        assert agent.read("EndpointToHostId") == known
        assert agent.read("LocalHostId") == known[agent.host]
        assert agent.read("HostIdToEndpoint") == {v: k for k, v in known.items()}
        assert agent.read("EndpointWithPortToHostId") == {f"{k}:7000": v for k, v in known.items()}


def test_schemas_agree(ring: Ring) -> None:
    """One version, with all addresses; nothing is outstanding."""
    for agent in ring.agents:
        ((version, hosts),) = agent.read("SchemaVersions", PROXY).items()
        assert (version, sorted(hosts)) == (agent.read("SchemaVersion"), ring.hosts)
        assert agent.read("OutstandingSchemaVersionsWithPort") == {}


def test_releases_are_known_by_gossip(ring: Ring) -> None:
    """Which node runs which."""
    own = ring.first.read("ReleaseVersion")

    found = ring.first.read("ReleaseVersionsWithPort", GOSSIPER)
    assert {release: sorted(hosts) for release, hosts in found.items()} == {
        own: [f"{host}:7000" for host in ring.hosts]
    }


def test_the_failure_detector_has_addresses_with_a_slash(ring: Ring) -> None:
    """A host name may stand before it."""
    states = ring.first.read("SimpleStates", DETECTOR)

    assert {key.rpartition("/")[2]: value for key, value in states.items()} == dict.fromkeys(ring.hosts, "UP")
    assert all("/" in key for key in states)
    assert ring.first.read("UpEndpointCount", DETECTOR) == len(ring.hosts)
    assert ring.first.read("DownEndpointCount", DETECTOR) == 0
    assert type(ring.first.read("PhiConvictThreshold", DETECTOR)) is float


def test_gossip_is_a_text(ring: Ring) -> None:
    """Line by line what is known of a node."""
    other = ring.agents[1]
    text = ring.first.execute("getEndpointState", other.host, mbean=DETECTOR)
    lines = [line.strip() for line in text.splitlines()]

    assert any(re.fullmatch(r"STATUS_WITH_PORT:\d+:NORMAL,-?\d+", line) for line in lines)
    assert any(re.fullmatch(rf"HOST_ID:\d+:{other.read('LocalHostId')}", line) for line in lines)
    assert any(re.fullmatch(r"RPC_READY:\d+:true", line) for line in lines)
    for agent in ring.agents:
        assert agent.host in ring.first.read("AllEndpointStates", DETECTOR)


def test_downtime_and_generation_are_numbers(ring: Ring) -> None:
    """No downtime of the living; a generation is when the process began, in seconds."""
    host = ring.agents[1].host

    assert ring.first.execute("getEndpointDowntime", host, mbean=GOSSIPER) == 0
    generation = ring.first.execute("getCurrentGenerationNumber", host, mbean=GOSSIPER)
    assert type(generation) is int
    assert generation > 1_500_000_000


def test_the_snitch_knows_where_everybody_is(ring: Ring) -> None:
    """Its own place is an attribute, that of others an operation."""
    for agent in ring.agents:
        datacenter, rack = agent.read("Datacenter", SNITCH), agent.read("Rack", SNITCH)
        assert ring.first.execute("getDatacenter", agent.host, mbean=SNITCH) == datacenter
        assert ring.first.execute("getRack(java.lang.String)", agent.host, mbean=SNITCH) == rack


def test_tokens_have_one_owner(ring: Ring) -> None:
    """The map is the same everywhere, and made of what each node calls its own."""
    owners = ring.first.read("TokenToEndpointMap")

    for agent in ring.agents:
        assert agent.read("TokenToEndpointMap") == owners
        own = sorted(token for token, host in owners.items() if host == agent.host)
        assert sorted(agent.read("Tokens")) == own
        assert sorted(ring.first.execute("getTokens(java.lang.String)", agent.host)) == own


def test_keyspaces_are_listed_in_three_ways(ring: Ring) -> None:
    """What is not local includes three keyspaces of the system's own."""
    replicated = {"system_auth", "system_distributed", "system_traces"}

    assert replicated | {"system", "system_schema"} <= set(ring.first.read("Keyspaces"))
    for name in ("NonSystemKeyspaces", "NonLocalStrategyKeyspaces"):
        found = set(ring.first.read(name))
        assert replicated <= found
        assert not found & {"system", "system_schema"}


def test_replication_is_a_text(ring: Ring) -> None:
    """Strategy and factors, as `nodetool describecluster` shows them."""
    operation = "getKeyspaceReplicationInfo"

    traces = ring.first.execute(operation, "system_traces")
    assert re.fullmatch(r"SimpleStrategy \{replication_factor=\d\}|NetworkTopologyStrategy \{.+\}", traces)
    assert ring.first.execute(operation, "system") == "LocalStrategy {}"


def test_the_ring_is_described_in_texts(ring: Ring) -> None:
    """A range for each token; in each the replicas, with their places."""
    ranges = ring.first.execute("describeRingJMX", "system_distributed")
    ported = ring.first.execute("describeRingWithPortJMX", "system_distributed")
    places = {
        agent.host: (agent.read("Datacenter", SNITCH), agent.read("Rack", SNITCH)) for agent in ring.agents
    }

    assert len(ranges) == len(ported) == len(ring.first.read("TokenToEndpointMap"))
    ends = set()
    for text in ranges:
        told = re.match(r"TokenRange\(start_token:-?\d+, end_token:(-?\d+), endpoints:\[([^\]]+)\]", text)
        assert told is not None
        ends.add(told[1])
        assert sorted(told[2].split(", ")) == sorted(host for host, _, _ in DETAILS.findall(text))
        found = {host: (datacenter, rack) for host, datacenter, rack in DETAILS.findall(text)}
        assert found.items() <= places.items()
        # The replication factor is 3 unless there are fewer nodes.
        assert len(found) == min(3, len(ring.hosts))
    assert ends == set(ring.first.read("TokenToEndpointMap"))
    assert all(f"host:{ring.first.host}:7000" in text or ring.first.host not in text for text in ported)


def test_ranges_have_their_replicas(ring: Ring) -> None:
    """Keys are texts that look like lists; nothing is pending in a ring at rest."""
    found = ring.first.execute("getRangeToEndpointMap", "system_distributed")

    assert all(re.fullmatch(r"\[-?\d+, -?\d+\]", key) for key in found)
    assert all(set(hosts) <= set(ring.hosts) for hosts in found.values())
    for keyspace in ("system_auth", "system_distributed", "system_traces"):
        assert ring.first.execute("getPendingRangeToEndpointMap", keyspace) == {}


def test_ownership_adds_up_to_the_replicas(ring: Ring) -> None:
    """All shares together are as many as there are replicas; addresses begin with a slash, or have ports."""
    plain = ring.first.execute("effectiveOwnership", "system_distributed")
    ported = ring.first.execute("effectiveOwnershipWithPort", "system_distributed")

    assert sum(plain.values()) == pytest.approx(min(3, len(ring.hosts)), abs=1e-3)
    assert sorted(plain) == [f"/{host}" for host in ring.hosts]
    assert sorted(ported) == [f"{host}:7000" for host in ring.hosts]
    primary = ring.first.read("Ownership")
    assert sum(primary.values()) == pytest.approx(1, abs=1e-3)


def test_load_is_a_text_with_a_unit(ring: Ring) -> None:
    """Of each node that is up; a node's own is in `LoadString` as well."""
    loads = ring.first.read("LoadMap")
    form = re.compile(r"[\d.]+ (bytes|KiB|MiB|GiB)")

    assert set(loads) <= set(ring.hosts)
    assert ring.first.host in loads
    assert all(form.fullmatch(load) for load in (*loads.values(), ring.first.read("LoadString")))


def test_no_removal_is_under_way(ring: Ring) -> None:
    """And the text says so, with and without ports."""
    for name in ("RemovalStatus", "RemovalStatusWithPort"):
        assert ring.first.read(name) == "No token removals in process."


def test_seeds_leave_out_oneself(ring: Ring) -> None:
    """Addresses with ports; a host name may stand before them."""
    for agent in ring.agents:
        seeds = [seed.rpartition("/")[2] for seed in agent.read("Seeds", GOSSIPER)]
        assert set(seeds) <= {f"{host}:7000" for host in ring.hosts if host != agent.host}


def test_seeds_are_read_again_on_demand(ring: Ring) -> None:
    """The answer is the seeds as their names resolve by now; some may not have when the node began."""

    def addresses(seeds: list[str]) -> list[str]:
        return sorted(seed.rpartition("/")[2] for seed in seeds)

    for agent in ring.agents:
        before = addresses(agent.read("Seeds", GOSSIPER))
        found = addresses(agent.execute("reloadSeeds()", mbean=GOSSIPER))
        assert set(before) <= set(found) <= {f"{host}:7000" for host in ring.hosts if host != agent.host}
        assert addresses(agent.read("Seeds", GOSSIPER)) == found
        assert addresses(agent.execute("reloadSeeds()", mbean=GOSSIPER)) == found
