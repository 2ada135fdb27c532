"""File names made from specs."""

from __future__ import annotations

import functools
import hashlib
import re


@functools.lru_cache(10_000)
def safe_name(text: str) -> str:
    """Return a text as a file name on any system: `inpaint:missing=0.5` -> `inpaint-missing=0.5`.

    A text that loses more than its colon gets some digits of its digest, so that two texts do
    not share a name.

    Examples
    --------
    >>> safe_name("inpaint:missing=0.5")
    'inpaint-missing=0.5'
    >>> safe_name("what?"), safe_name("what*")
    ('what_~...', 'what_~...')
    """
    name = text.replace(":", "-", 1)
    safe = re.sub(r"[^\w .,=+()-]", "_", name).strip(". ").encode()[:150].decode(errors="ignore")
    if safe and safe == name:
        return safe
    digest = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
    return f"{safe.strip('. ')}~{digest[:8]}"
