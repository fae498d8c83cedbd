"""A library to look at, and a server of pictures for it: drawn as SVG, each from its own path."""

from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from urllib.parse import unquote

from aiohttp import web

from kling_elements_async import Element, Tag
from kling_elements_async.gallery import Entry
from kling_elements_async.models import Voice

NOW = datetime(2026, 11, 20, 10, 30, tzinfo=UTC)
CAST = "Mira Ortega|Captain Voss|Der alte Bär|狐の少女|Juniper|Robot No. 9|Market stall|Red raincoat|Fog machine|Otter"
NAMES = CAST.split("|")
SIDES = ((300, 300), (300, 420), (480, 270), (300, 520), (520, 300))


def library(count, root="https://example.com"):
    """Elements of every kind: with three angles and none, deleted, presets, and some of one name."""
    return [_entry(number, root) for number in range(count)]


def _entry(number, root):
    name = NAMES[number % 10] if number < 24 else f"{NAMES[number % 10]} {number}"
    others = tuple(f"{root}/{number}-{angle}" for angle in range(1, number % 4))
    element = Element(
        str(856528387816046601 + number),
        name=name,
        description=f"{name}, as seen in episode {number % 7}: a figure with a past"
        if number % 3
        else "A short one",
        reference_type="image",
        frontal_image=f"{root}/{number}-0",
        other_images=others,
        videos=(f"{root}/{number}.mp4",) if number % 11 == 5 else (),
        voice=Voice("829824295735", "Warm alto", f"{root}/voice.mp3", "kling") if number % 4 == 1 else None,
        tags=tuple(list(Tag)[(number + each) % 8] for each in range(number % 3)),
        owner="kling" if number % 13 == 12 else "13724809",
        status="deleted" if number % 17 == 9 else "succeed",
    )
    return Entry(element, NOW - timedelta(hours=number * 7, minutes=3))


@asynccontextmanager
async def pictures():
    """Serve a picture at any path, and yield the root and the log of requests."""
    seen = []

    async def serve(request):
        seen.append(request)
        return web.Response(text=_drawn(unquote(request.path)), content_type="image/svg+xml")

    runner = web.ServerRunner(web.Server(serve))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}", seen
    finally:
        await runner.cleanup()


def _drawn(path):
    number, _, angle = path.strip("/").partition("-")
    chance = sha256(number.encode()).digest()
    width, height = SIDES[chance[0] % len(SIDES)]
    hue, turn = chance[1] * 360 // 256, int(angle or 0) * 28
    middle, size = width / 2 + turn * 0.6, min(width, height) * 0.2
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}">'
        f'<rect width="100%" height="100%" fill="hsl({hue} 35% {72 - turn / 4}%)"/>'
        f'<ellipse cx="{middle}" cy="{height}" rx="{size * 1.7}" ry="{height * 0.42}" fill="hsl({hue + 150} 40% 40%)"/>'
        f'<circle cx="{middle}" cy="{height * 0.42}" r="{size}" fill="hsl({hue + 40} 55% 80%)"/>'
        f'<circle cx="{middle - size * 0.35}" cy="{height * 0.4}" r="{size * 0.1}"/>'
        f'<circle cx="{middle + size * 0.35}" cy="{height * 0.4}" r="{size * 0.1}"/></svg>'
    )
