"""What the documents point at is there: files, headings, targets of make, programs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
import re

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


def headings(document: Path) -> set[str]:
    """Return the anchors of *document*'s headings."""
    text = re.sub(r"^```.*?^```", "", document.read_text(), flags=re.MULTILINE | re.DOTALL)
    plain = (re.sub(r"[^\w\- ]", "", head.lower()) for head in re.findall(r"^#+ (.*)$", text, re.MULTILINE))
    return {head.strip().replace(" ", "-") for head in plain}


def dangling(document: Path) -> Iterator[str]:
    """Yield what *document* names and what is not there."""
    text = document.read_text()
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        path, _, anchor = link.partition("#")
        if re.match(r"https?:|mailto:", link):
            continue
        target = (document.parent / path).resolve() if path else document
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in headings(target)):
            yield f"({link})"
    targets = re.findall(r"^([a-z][a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    yield from (
        f"make {word}" for word in re.findall(r"`make ([a-z][a-z0-9-]+)", text) if word not in targets
    )
    for module in re.findall(r"python -m ((?:controller|e2e)[\w.]*)", text):
        place = ROOT / module.replace(".", "/")
        if not place.with_suffix(".py").exists() and not (place / "__main__.py").exists():
            yield f"python -m {module}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_document_points_at_nothing_that_is_not_there(document: Path) -> None:
    """Links, anchors, targets of make and programs exist."""
    assert list(dangling(document)) == []
