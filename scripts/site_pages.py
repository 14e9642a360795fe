"""A hook of MkDocs: README, changelog and CONTRIBUTING are pages too, and links to files of the project do no harm.

The texts are written for whoever reads them in a checkout, where a link may lead to any file. On the site a link leads
to the page of that file, if it has one; else to ``repo_url`` of ``mkdocs.yml``, or nowhere if that is not set.
"""

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
MORE = {"README.md": "index.md", "CHANGELOG.md": "changelog.md", "CONTRIBUTING.md": "contributing.md"}
"""Texts outside ``docs/``, and their pages."""
LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)")


def on_files(files: Files, config: Any) -> Files:
    """Add the pages of ``MORE``."""
    for name, page in MORE.items():
        text = (ROOT / name).read_text(encoding="utf-8")
        files.append(File.generated(config, page, content=led_to_pages(text, "", config.repo_url)))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, **_: Any) -> str:
    """Lead the links of a page of ``docs/`` to pages."""
    return markdown if page.file.generated_by else led_to_pages(markdown, "docs", config.repo_url)


def led_to_pages(text: str, folder: str, repo_url: str | None) -> str:
    """The text of a file in ``folder``, with the links that it has on the site."""

    def link(found: re.Match[str]) -> str:
        image, label, target = found.groups()
        file, _, heading = target.partition("#")
        if not file or re.match(r"[a-z]+:", target):
            return found[0]
        path = posixpath.normpath(posixpath.join(folder, file))
        inside = MORE.get(path) or (path.removeprefix("docs/") if path.startswith("docs/") else None)
        if inside:
            return f"{image}[{label}]({inside}{'#' * bool(heading)}{heading})"
        return f"{image}[{label}]({repo_url.rstrip('/')}/blob/main/{path})" if repo_url else label

    return LINK.sub(link, text)
