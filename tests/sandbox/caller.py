"""Raw HTTP to a sandbox. Law: knows the pages of the gateways, not the client."""

import base64
import json
import struct
import zlib
from io import BytesIO
from typing import Any

import aiohttp
from attrs import define, frozen

from kling_elements_async.sandbox import Sandbox

CUSTOM = "/v1/general/advanced-custom-elements"
PRESETS = "/v1/general/advanced-presets-elements"
DELETE = "/v1/general/delete-elements"


@frozen
class Said:
    """An answer, read whole."""

    status: int
    body: bytes
    headers: Any
    json: Any

    @property
    def data(self) -> Any:
        return self.json["data"]

    @property
    def refusal(self) -> tuple[int, int]:
        assert "data" not in self.json
        return self.status, self.json["code"]


@define
class Clock:
    """Time that moves by hand."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@frozen
class Caller:
    """Someone with a key."""

    http: aiohttp.ClientSession
    sandbox: Sandbox
    gateway: str = "ezmodel"
    authorization: str | None = "Bearer sandbox-key"

    async def ask(self, method: str, path: str, **more: Any) -> Said:
        headers = {"Authorization": self.authorization} if self.authorization is not None else {}
        url = self.sandbox.url(self.gateway) + path
        async with self.http.request(method, url, headers=headers, allow_redirects=False, **more) as response:
            body = await response.read()
            in_json = response.content_type == "application/json" and body
            value = await response.json() if in_json else None
            return Said(response.status, body, response.headers, value)

    async def create(self, **changes: Any) -> Said:
        body = BytesIO(json.dumps(order(**changes)).encode())  # aiohttp warns of large bytes
        return await self.ask("POST", CUSTOM, data=body)

    async def get(self, identity: str) -> Said:
        return await self.ask("GET", f"{CUSTOM}/{identity}")

    async def list(self, path: str = CUSTOM, **query: Any) -> Said:
        return await self.ask("GET", path, params=query)

    async def delete(self, element_id: Any, path: str = DELETE) -> Said:
        return await self.ask("POST", path, json={"element_id": element_id})

    async def created(self, **changes: Any) -> str:
        """Create, expect success, return the task id."""
        said = await self.create(**changes)
        assert said.status == 200, said.body
        return said.json["data"]["task_id"]

    async def element(self, identity: str) -> dict[str, Any]:
        """The only element of a finished task."""
        (element,) = (await self.get(identity)).data["task_result"]["elements"]
        return element


def order(**changes: Any) -> dict[str, Any]:
    """The body of a create by links; `None` leaves a key out."""
    body = {
        "element_name": "my-character",
        "element_description": "A protagonist for my video series",
        "reference_type": "image_refer",
        "element_image_list": images("https://example.com/front.png", "https://example.com/side.png"),
        "tag_list": [{"tag_id": "o_102"}],
        **changes,
    }
    return {key: value for key, value in body.items() if value is not None}


def images(frontal: Any, *others: Any) -> dict[str, Any]:
    return {"frontal_image": frontal, "refer_images": [{"image_url": other} for other in others]}


def video(*links: Any) -> dict[str, Any]:
    """The changes that make an order one for a video."""
    rows = [{"video_url": link} for link in links]
    return {
        "reference_type": "video_refer",
        "element_image_list": None,
        "element_video_list": {"refer_videos": rows},
    }


def png(width: int = 300, height: int = 300, size: int = 0) -> bytes:
    """A picture whose header is right, and whose pixels are filling."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", bytes(size)) + chunk(b"IEND", b"")


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def raw(picture: bytes) -> str:
    return base64.b64encode(picture).decode()
