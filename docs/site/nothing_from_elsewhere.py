"""A hook of MkDocs: the build fails if a page would load anything from another server."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.exceptions import PluginError

_LOADED = re.compile(
    r"<(?:script|img|iframe|source)\b[^>]*\bsrc=[\"']?((?:https?:)?//[^\"'\s>]+)"
    r"|<link\b(?![^>]*rel=[\"']?(?:canonical|alternate))[^>]*\bhref=[\"']?((?:https?:)?//[^\"'\s>]+)"
)


def on_post_build(config: Any) -> None:
    """Raise an error that names the pages and what they would load."""
    found = {
        f"{page.relative_to(config.site_dir)}: {address}"
        for page in Path(config.site_dir).rglob("*.html")
        for match in _LOADED.finditer(page.read_text("utf-8"))
        if (address := match[1] or match[2])
    }
    if found:
        raise PluginError("loaded from elsewhere: " + "; ".join(sorted(found)))
