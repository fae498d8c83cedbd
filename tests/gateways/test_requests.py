"""What each gateway sends: method, path and body, exactly."""

import pytest

from kling_elements_async import ElementSpec, Images, NotOfferedError, Tag
from kling_elements_async.gateways import find, names

from .documents import (
    FAMILY,
    GATEWAYS,
    KEY,
    LARGE_ID,
    LINK,
    MOVIE,
    NATIVE,
    SIDE,
    SPEC,
    TAGGED_SPEC,
    TASK_ID,
    UNIFIED_ID,
    VIDEO_SPEC,
)

CUSTOM = "/v1/general/advanced-custom-elements"
TEXTS = {"element_name": "Mira", "element_description": "A singer"}
IMAGES = {
    "reference_type": "image_refer",
    "element_image_list": {"frontal_image": LINK, "refer_images": [{"image_url": SIDE}]},
}
FULL_SPEC = ElementSpec(
    "Mira",
    "A singer",
    Images(LINK, [SIDE, b"bytes"]),
    voice_id="voice-1",
    tags=list(Tag),
    callback_url="https://example.com/called",
)


def sent(call):
    return call.request.method, call.request.path, call.request.body


@pytest.mark.parametrize("gateway", NATIVE)
@pytest.mark.parametrize(
    ("spec", "external_id", "body"),
    [
        (SPEC, None, TEXTS | IMAGES),
        (SPEC, "mine-1", TEXTS | IMAGES | {"external_task_id": "mine-1"}),
        (
            VIDEO_SPEC,
            "mine-1",
            TEXTS
            | {
                "reference_type": "video_refer",
                "element_video_list": {"refer_videos": [{"video_url": MOVIE}]},
                "element_voice_id": "voice-1",
                "external_task_id": "mine-1",
            },
        ),
        (
            FULL_SPEC,
            None,
            TEXTS
            | {
                "reference_type": "image_refer",
                "element_image_list": {
                    "frontal_image": LINK,
                    "refer_images": [{"image_url": SIDE}, {"image_url": b"bytes"}],
                },
                "element_voice_id": "voice-1",
                "tag_list": [{"tag_id": f"o_{number}"} for number in range(101, 109)],
                "callback_url": "https://example.com/called",
            },
        ),
    ],
    ids=["bare", "with an external id", "a video", "everything"],
)
def test_native_create(gateway, spec, external_id, body):
    """Kling's body, with what the spec leaves out left out; bytes stay bytes for the transport to encode."""
    assert sent(GATEWAYS[gateway].create(spec, external_id)) == ("POST", CUSTOM, body)


@pytest.mark.parametrize("gateway", FAMILY)
def test_native_query(gateway):
    """The single-item query, the same at the whole family."""
    assert sent(GATEWAYS[gateway].get_one(TASK_ID)) == ("GET", f"{CUSTOM}/{TASK_ID}", None)


@pytest.mark.parametrize("gateway", NATIVE)
def test_native_lists_and_delete(gateway):
    """Both lists take pageNum and pageSize; delete takes the id as text; no path ends in a slash."""
    found = GATEWAYS[gateway]
    assert sent(found.list_custom(2, 50)) == ("GET", f"{CUSTOM}?pageNum=2&pageSize=50", None)
    presets = "/v1/general/advanced-presets-elements?pageNum=1000&pageSize=500"
    assert sent(found.list_presets(1000, 500)) == ("GET", presets, None)
    body = {"element_id": str(LARGE_ID)}
    assert sent(found.delete(str(LARGE_ID))) == ("POST", "/v1/general/delete-elements", body)


def test_anyfast_create():
    """anyfast takes Kling's body for images, tags included, and no external id."""
    body = TEXTS | IMAGES | {"tag_list": [{"tag_id": "o_102"}]}
    assert sent(GATEWAYS["anyfast"].create(TAGGED_SPEC, None)) == ("POST", CUSTOM, body)


@pytest.mark.parametrize(
    ("spec", "params", "rest"),
    [
        (SPEC, TEXTS | IMAGES, {}),
        (
            VIDEO_SPEC,
            TEXTS
            | {
                "reference_type": "video_refer",
                "element_video_list": {"video_url": MOVIE},
                "element_voice_id": "voice-1",
            },
            {},
        ),
        (
            ElementSpec("Mira", "A singer", Images(LINK, []), callback_url="https://example.com/called"),
            TEXTS
            | {"reference_type": "image_refer", "element_image_list": {"frontal_image": LINK, "refer_images": []}},
            {"callback_url": "https://example.com/called"},
        ),
    ],
    ids=["images", "a video with a voice", "a frontal image and a callback"],
)
def test_evolink_create(spec, params, rest):
    """One model, its parameters, ONE video object, and the callback beside them."""
    body = {"model": "kling-custom-element", "model_params": params} | rest
    assert sent(GATEWAYS["evolink"].create(spec, None)) == ("POST", "/v1/videos/generations", body)


def test_evolink_query():
    """The query of a unified task."""
    assert sent(GATEWAYS["evolink"].get_one(UNIFIED_ID)) == ("GET", f"/v1/tasks/{UNIFIED_ID}", None)


@pytest.mark.parametrize("gateway", ["anyfast", "evolink"])
@pytest.mark.parametrize(
    ("call", "arguments"), [("list_custom", (1, 30)), ("list_presets", (1, 30)), ("delete", ("1",))]
)
def test_a_call_that_is_not_offered(gateway, call, arguments):
    """What a gateway lacks is refused before there is a request; the error names the gateway."""
    with pytest.raises(NotOfferedError, match=gateway) as info:
        getattr(GATEWAYS[gateway], call)(*arguments)
    assert info.value.gateway == gateway


@pytest.mark.parametrize(
    ("name", "base_url"),
    [
        ("kling", "https://api-singapore.klingai.com"),
        ("ezmodel", "https://api.ezmodel.cloud/kling"),
        ("kkiai", "https://www.kkiai.com/kling"),
        ("anyfast", "https://www.anyfast.ai/kling"),
        ("evolink", "https://api.evolink.ai"),
    ],
)
def test_where_a_gateway_lives(name, base_url):
    """Each of the five is found by its name, in this order, and has its documented base URL."""
    assert names()[:5] == ["kling", "ezmodel", "kkiai", "anyfast", "evolink"]
    made = find(name)(api_key=f" Bearer {KEY} ")
    assert (made.name, made.base_url, made.authorization()) == (name, base_url, KEY)
    assert KEY not in repr(made)
    assert find(name)(api_key=KEY, base_url="https://example.com/k/").base_url == "https://example.com/k"


@pytest.mark.parametrize(
    ("name", "carried"),
    [
        ("kling", {"external_ids", "videos", "local_images", "tags", "callbacks any", "voice any", "others 1-3"}),
        (
            "ezmodel",
            {"external_ids", "videos", "local_images", "tags", "callbacks any", "voice any", "others 1-3"},
        ),
        (
            "kkiai",
            {"external_ids", "videos", "local_images", "tags", "callbacks any", "voice video", "others 1-3"},
        ),
        ("anyfast", {"local_images", "tags", "tags_required", "callbacks none", "voice none", "others 1-3"}),
        ("evolink", {"videos", "callbacks public", "voice video", "others 0-None"}),
    ],
)
def test_what_a_gateway_carries(name, carried):
    """The table of gateways, as data that the checks read."""
    carries = GATEWAYS[name].carries
    flags = ("external_ids", "videos", "local_images", "tags", "tags_required")
    found = {flag for flag in flags if getattr(carries, flag)}
    found |= {
        f"voice {carries.voice}",
        f"callbacks {carries.callbacks}",
        f"others {carries.least_others}-{carries.most_others}",
    }
    assert found == carried
