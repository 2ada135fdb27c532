"""Make the photographs of the data set `photos` from those that scikit-image carries.

Run ``python priorlab/photos/make.py`` with scikit-image installed. Nothing imports this file.
Each photograph is a square cut out of the original, reduced with an antialiasing Lanczos filter
and brought to the sRGB colours of a screen where the original notes another colour profile.
"""

import io
from pathlib import Path

import skimage
from PIL import Image, ImageCms

SIDE = 256

CUTS = {
    "astronaut.png": (0, 0, 448),
    "chelsea.png": (70, 0, 300),
    "coffee.png": (90, 0, 400),
    "rocket.jpg": (106, 0, 427),
    "camera.png": (64, 40, 448),
    "gravel.png": (0, 0, 512),
}
"""For each original the square that is kept: left, top, side, in pixels."""


def main() -> None:
    """Write the six files next to this one."""
    originals = Path(skimage.__file__).parent / "data"
    for name, (left, top, side) in CUTS.items():
        target = Path(__file__).with_name(name).with_suffix(".png")
        with Image.open(originals / name) as photo:
            cut = photo.crop((left, top, left + side, top + side))
            small = cut.resize((SIDE, SIDE), Image.Resampling.LANCZOS)
            profile = small.info.pop("icc_profile", None)
            if profile:
                noted = ImageCms.ImageCmsProfile(io.BytesIO(profile))
                ImageCms.profileToProfile(
                    small, noted, ImageCms.createProfile("sRGB"), inPlace=True
                )
                small.info.clear()
            small.save(target, optimize=True)


if __name__ == "__main__":
    main()
