"""Facts about owners: garbage collection by owner references."""

from __future__ import annotations

from e2e.contract.client import Api, Object, eventually
from e2e.contract.objects import Space, config_map, owned_by


def _owned(space: Space, name: str, *owners: Object) -> Object:
    body = config_map(name)
    body["metadata"]["ownerReferences"] = list(owners)
    return space.made("configmaps", body)


def _gone(api: Api, space: Space, name: str) -> None:
    path = space.path("configmaps", name)
    eventually(lambda: api.get(path).status == 404)


def test_dependents_follow_their_owner(api: Api, space: Space) -> None:
    """When an owner is deleted its dependents are deleted a little later."""
    owner = space.config_map("owner")
    _owned(space, "child", owned_by(owner))

    api.delete(space.path("configmaps", "owner"))

    _gone(api, space, "child")


def test_dependents_of_dependents_follow(api: Api, space: Space) -> None:
    """Garbage collection goes down all levels."""
    owner = space.config_map("owner")
    child = _owned(space, "child", owned_by(owner))
    _owned(space, "grandchild", owned_by(child))

    api.delete(space.path("configmaps", "owner"))

    _gone(api, space, "grandchild")


def test_one_owner_is_enough_to_stay(api: Api, space: Space) -> None:
    """An object with an owner left stays, and loses the reference to the one that is gone."""
    first, second = space.config_map("first"), space.config_map("second")
    _owned(space, "child", owned_by(first), owned_by(second))
    path = space.path("configmaps", "child")

    api.delete(space.path("configmaps", "first"))

    eventually(lambda: len(api.get(path).body["metadata"]["ownerReferences"]) == 1)
    assert api.get(path).body["metadata"]["ownerReferences"] == [owned_by(second)]


def test_the_uid_decides_who_is_the_owner(api: Api, space: Space) -> None:
    """An object whose owner's uid never existed is collected, though the name does exist."""
    owner = owned_by(space.config_map("owner"))
    owner["uid"] = "00000000-0000-4000-8000-000000000000"

    _owned(space, "child", owner)

    _gone(api, space, "child")
    assert api.get(space.path("configmaps", "owner")).status == 200


def test_orphans_stay(api: Api, space: Space) -> None:
    """With propagationPolicy=Orphan dependents stay and lose the reference."""
    owner = space.config_map("owner")
    _owned(space, "child", owned_by(owner))

    answer = api.delete(space.path("configmaps", "owner"), propagationPolicy="Orphan")

    assert answer.status == 200
    _gone(api, space, "owner")
    child = api.get(space.path("configmaps", "child")).body
    assert "ownerReferences" not in child["metadata"]


def test_orphaning_is_a_finalizer(api: Api, space: Space) -> None:
    """An owner that is deleted with Orphan is marked with the finalizer `orphan` meanwhile."""
    space.config_map("owner")

    answer = api.delete(space.path("configmaps", "owner"), propagationPolicy="Orphan")

    assert answer.body["metadata"]["finalizers"] == ["orphan"]
    _gone(api, space, "owner")


def test_the_foreground_waits_for_dependents(api: Api, space: Space) -> None:
    """With Foreground the owner stays, marked, until dependents that block it are gone."""
    owner = space.config_map("owner")
    body = config_map("child")
    body["metadata"]["ownerReferences"] = [owned_by(owner, blockOwnerDeletion=True)]
    body["metadata"]["finalizers"] = ["fact.example.org/a"]
    space.made("configmaps", body)
    path = space.path("configmaps", "owner")

    answer = api.delete(path, propagationPolicy="Foreground")

    assert answer.body["metadata"]["finalizers"] == ["foregroundDeletion"]
    child = space.path("configmaps", "child")
    eventually(lambda: api.get(child).body["metadata"].get("deletionTimestamp"))
    assert api.get(path).status == 200
    api.patch(child, {"metadata": {"finalizers": None}})
    _gone(api, space, "child")
    _gone(api, space, "owner")


def test_the_background_does_not_wait(api: Api, space: Space) -> None:
    """With Background the owner is gone at once, whatever its dependents do."""
    owner = space.config_map("owner")
    body = config_map("child")
    body["metadata"]["ownerReferences"] = [owned_by(owner, blockOwnerDeletion=True)]
    body["metadata"]["finalizers"] = ["fact.example.org/a"]
    space.made("configmaps", body)

    api.delete(space.path("configmaps", "owner"), propagationPolicy="Background")

    assert api.get(space.path("configmaps", "owner")).status == 404
    child = space.path("configmaps", "child")
    eventually(lambda: api.get(child).body["metadata"].get("deletionTimestamp"))
    api.patch(child, {"metadata": {"finalizers": None}})
    _gone(api, space, "child")
