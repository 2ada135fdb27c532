"""What the name of a published file says of its network: what it is for, and for which noise."""

from __future__ import annotations

import re

BLIND = 0.0
"""The level of a network that finds out the noise by itself."""

_TASKS = {
    "denoise": r"denois\w*|(gray|color|colour|g|c)?dn|noise\d*|sidd|dnd|scunet|dncnn|ffdnet|drunet",
    "dejpeg": r"(de|de-)?jpe?g(car)?\d*|(gray|color)?car|decompress\w*|fbcnn",
    "deblur": r"deblur\w*|gopro|hide|realblur\w*",
    "deraining": r"derain\w*|rain\w*",
    "dehazing": r"dehaz\w*|haze",
    "lightening": r"lowlight|enhance\w*|lol(v\d)?|fivek",
}
_BLIND = r"blind|real\w*|sidd|dnd"
_LEVEL = r"(?:sigma|noise|sig|std|dn|c\ds)(\d{1,2})"


def task_in(name: str) -> str:
    """Return what a network is for, by the name of its file, or nothing.

    Parameters
    ----------
    name : str
        Without its folder and suffix.

    Examples
    --------
    >>> task_in("NAFNet-GoPro-width32"), task_in("006_colorCAR_DFWB_s126w7_SwinIR-M_jpeg10")
    ('deblur', 'dejpeg')
    >>> task_in("model_best")
    ''
    """
    words = _words(name)
    found = {task for task, words_of in _TASKS.items() for word in words if _is(word, words_of)}
    return found.pop() if len(found) == 1 else ""


def level_in(name: str) -> float | None:
    """Return the noise level (0-255) in the name of a file, `BLIND`, or None if it says nothing.

    Examples
    --------
    >>> level_in("dncnn_25"), level_in("004_grayDN_DFWB_s128w8_SwinIR-M_noise15")
    (25.0, 15.0)
    >>> level_in("dncnn_gray_blind"), level_in("net_g_300000")
    (0.0, None)
    """
    words = _words(name)
    if any(_is(word, _BLIND) for word in words):
        return BLIND
    levels = [found[1] for word in words if (found := re.fullmatch(_LEVEL, word))]
    if not levels and len(words) > 1 and re.fullmatch(r"\d{1,2}", words[-1]):
        levels = words[-1:]
    return float(levels[0]) if len(set(levels)) == 1 and float(levels[0]) > 0 else None


def _words(name: str) -> list[str]:
    return [word for word in re.split(r"[^a-z0-9]+", name.lower()) if word]


def _is(word: str, pattern: str) -> bool:
    return re.fullmatch(pattern, word) is not None
