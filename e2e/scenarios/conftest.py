"""
A cluster with the operator in a namespace of its own, for all scenarios of a run.

With KUBECONFIG set it is that cluster, else the local one. The namespace and the cluster-wide rights
are removed afterwards; what happened is printed when a scenario fails.
"""

from __future__ import annotations

from collections.abc import Iterator
import secrets

import pytest

from e2e.kubectl import Kubectl, KubectlError
from e2e.lab import Lab, install, lab, remove


@pytest.fixture(scope="session")
def the_lab() -> Lab:
    """A Kubernetes with our images."""
    return lab()


@pytest.fixture(scope="session")
def kubectl(the_lab: Lab) -> Iterator[Kubectl]:
    """Kubectl in a fresh namespace in which the operator runs."""
    client = the_lab.kubectl(f"casskop-e2e-{secrets.token_hex(3)}")
    install(client, image=the_lab.image)
    try:
        yield client
    finally:
        remove(client)


@pytest.fixture(autouse=True)
def _tell(request: pytest.FixtureRequest, kubectl: Kubectl) -> Iterator[None]:
    """Print clusters, pods and the operator's log after a failure."""
    failed = request.session.testsfailed
    yield
    if request.session.testsfailed == failed:
        return
    for words in (
        ["describe", "cassandraclusters"],
        ["get", "pods,statefulsets,pvc", "-o", "wide"],
        ["get", "events", "--sort-by=.lastTimestamp"],
        ["logs", "deployment/casskop", "--tail=60"],
    ):
        try:
            print(f"--- kubectl {' '.join(words)}\n{kubectl.run(*words)[-12000:]}")
        except KubectlError as error:
            print(f"--- {error}")
