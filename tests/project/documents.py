"""The project's Markdown documents, taken apart for the tests."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
NAMES = sorted(path.relative_to(ROOT).as_posix() for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])

_FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`([^`\n]+)`")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_LINK = re.compile(r"\]\(([^)\s]+)\)")


@dataclass(frozen=True)
class Document:
    """One document; `name` is its path from the root of the repository."""

    name: str

    @property
    def text(self) -> str:
        """All of it."""
        return (ROOT / self.name).read_text()

    def blocks(self, language: str) -> list[str]:
        """The code blocks in a language."""
        return [code for tag, code in _FENCED.findall(self.text) if tag == language]

    def commands(self) -> list[str]:
        """What a reader may type: lines after `$ `, and inline code."""
        typed = [
            line.removeprefix("$ ").partition(" #")[0].strip()
            for block in self.blocks("console")
            for line in block.splitlines()
            if line.startswith("$ ")
        ]
        return typed + _INLINE.findall(_FENCED.sub("", self.text))

    def links(self) -> list[str]:
        """Targets of links to other documents or to headings."""
        return [link for link in _LINK.findall(_FENCED.sub("", self.text)) if "://" not in link]

    def anchors(self) -> set[str]:
        """What `#…` may follow this document's name, by GitHub's rule."""
        prose = _FENCED.sub("", self.text)
        return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in _HEADING.findall(prose)}
