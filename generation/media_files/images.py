"""Images: decoded whole within a limit of pixels, and written anew as plain PNG, alike for all.

Every served image is 8-bit RGB PNG in sRGB, upright, on white where it was transparent: no EXIF, no
profile, no mode and no format are left by which systems could be told apart.
"""

from __future__ import annotations

import io
import warnings

import numpy as np
from PIL import Image, ImageCms, ImageOps

from generation.backends.media import MediaContent
from generation.media_files.kinds import IMAGES
from generation.media_files.refusals import Limits, MediaRefused

SERVED_MIME = "image/png"
_FORMATS = ("PNG", "JPEG", "WEBP", "GIF")


def take_image(content: bytes, limits: Limits) -> tuple[MediaContent, MediaContent]:
    """Return an image as it came, measured, and as it is served; raise `MediaRefused`.

    The size is looked at before anything is decoded: a small file can unpack to gigabytes.
    """
    with warnings.catch_warnings():
        # Pillow's own limit of pixels only warns.
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        try:
            with Image.open(io.BytesIO(content), formats=_FORMATS) as image:
                _check(image, limits)
                mime = Image.MIME[image.format or ""]
                image.load()
                plain = _plain(image)
        except Image.DecompressionBombError:
            raise _too_large("hundreds of millions of", limits) from None
        except (OSError, ValueError, SyntaxError, EOFError, MemoryError) as error:
            raise MediaRefused(
                f"the image cannot be read ({_why(error)})", expected=IMAGES
            ) from None
    written = io.BytesIO()
    plain.save(written, "PNG")
    return _described(content, mime, plain), _described(written.getvalue(), SERVED_MIME, plain)


def _check(image: Image.Image, limits: Limits) -> None:
    pixels = image.width * image.height
    if pixels > limits.pixels:
        raise _too_large(f"{pixels / 1e6:.0f} million", limits)
    if getattr(image, "n_frames", 1) > 1:
        raise MediaRefused("the image moves", expected="a still image, or a video")


def _too_large(pixels: str, limits: Limits) -> MediaRefused:
    return MediaRefused(
        f"the image has {pixels} pixels", expected=f"at most {limits.pixels / 1e6:g} million"
    )


def _why(error: Exception) -> str:
    # Pillow's words may show a Python object; the first clause does not.
    return str(error).partition("<")[0].strip().rstrip(".") or "it is broken"


def _plain(image: Image.Image) -> Image.Image:
    """Return the image upright, in sRGB, on white, and with nothing but its pixels."""
    upright = _in_srgb(ImageOps.exif_transpose(image), image.info.get("icc_profile"))
    if upright.mode in ("RGBA", "LA", "PA") or "transparency" in upright.info:
        seen = upright.convert("RGBA")
        upright = Image.alpha_composite(Image.new("RGBA", seen.size, "white"), seen)
    pixels = np.asarray(_eight_bits(upright).convert("RGB"))
    return Image.fromarray(pixels)


def _in_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Apply a colour profile, so that it can be left away; one that makes no sense is ignored."""
    if not profile or image.mode not in ("RGB", "CMYK"):
        return image
    try:
        given = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        srgb = ImageCms.createProfile("sRGB")
        return ImageCms.profileToProfile(image, given, srgb, outputMode="RGB") or image
    except (ImageCms.PyCMSError, OSError, ValueError):
        return image


def _eight_bits(image: Image.Image) -> Image.Image:
    """Return 16-bit greys as 8-bit ones; Pillow would cut them off."""
    if not image.mode.startswith("I"):
        return image
    return Image.fromarray((np.asarray(image).clip(0, 65_535) // 257).astype(np.uint8))


def _described(content: bytes, mime: str, image: Image.Image) -> MediaContent:
    return MediaContent(
        content=content,
        mime=mime,
        seconds=0,
        sample_rate=0,
        width=image.width,
        height=image.height,
    )
