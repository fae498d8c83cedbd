"""anyfast's flat create, evolink's unified task, and routes that a gateway lacks."""

import pytest

from kling_elements_async.sandbox import Fault

from .caller import CUSTOM, DELETE, PRESETS, Caller, images, png, raw, video

GENERATIONS = "/v1/videos/generations"


@pytest.fixture
def anyfast(http, sandbox):
    return Caller(http, sandbox, "anyfast")


@pytest.fixture
def evolink(http, sandbox):
    return Caller(http, sandbox, "evolink")


def request(**params):
    return {
        "model": "kling-custom-element",
        "model_params": {
            "element_name": "my-character",
            "element_description": "A protagonist",
            "reference_type": "image_refer",
            "element_image_list": images("https://example.com/a.png", "https://example.com/b.png"),
            **params,
        },
    }


async def test_anyfast_answers_a_create_flat_and_a_query_in_an_envelope(anyfast, clock):
    """Seconds there, milliseconds here."""
    said = await anyfast.create()
    assert said.json.keys() == {"id", "task_id", "object", "model", "status", "progress", "created_at"}
    assert said.json["id"] == said.json["task_id"]
    assert (said.json["object"], said.json["model"], said.json["status"]) == ("video", "kling-element", "")
    clock.now += 10
    record = (await anyfast.get(said.json["id"])).data
    assert record["created_at"] // 1000 == said.json["created_at"]
    assert record["task_result"]["elements"][0]["element_id"] > 2**53


async def test_anyfast_takes_tagged_images_only(anyfast):
    """And refuses by 1201."""
    assert (await anyfast.create(tag_list=None)).refusal == (400, 1201)
    assert (await anyfast.create(tag_list=[])).refusal == (400, 1201)
    assert (await anyfast.create(**video("https://example.com/a.mp4"))).refusal == (400, 1201)


async def test_anyfast_knows_no_external_id(anyfast, sandbox):
    """It is ignored, so the same create twice makes two."""
    for _ in range(2):
        assert (await anyfast.create(external_task_id="mine")).status == 200
    assert (await anyfast.get("mine")).refusal == (400, 1201)
    assert sandbox.account("anyfast").creates == 2


async def test_kkiai_binds_a_voice_to_videos_only(http, sandbox):
    """As its page says; Kling itself takes one with images, too."""
    assert (await Caller(http, sandbox, "kkiai").create(element_voice_id="v1")).refusal == (400, 1201)
    await Caller(http, sandbox, "kling").created(element_voice_id="v1")


@pytest.mark.parametrize(
    ("gateway", "method", "path"),
    [
        ("ezmodel", "GET", "/v1/general/advanced-custom-elements/"),
        ("ezmodel", "GET", "/v1/general/advanced-custom-elements/a/b"),
        ("ezmodel", "PUT", CUSTOM),
        ("ezmodel", "DELETE", CUSTOM + "/1"),
        ("ezmodel", "POST", GENERATIONS),
        ("ezmodel", "GET", "/"),
        ("anyfast", "GET", CUSTOM),
        ("anyfast", "GET", PRESETS),
        ("anyfast", "POST", DELETE),
        ("evolink", "GET", CUSTOM),
        ("evolink", "GET", "/v1/tasks/"),
    ],
)
async def test_an_unknown_route_is_a_page_of_the_cdn(http, sandbox, gateway, method, path):
    """404 in HTML, whoever asks."""
    said = await Caller(http, sandbox, gateway).ask(method, path)
    assert said.status == 404
    assert said.headers["Content-Type"].startswith("text/html")


async def test_evolink_has_a_task_of_its_own(evolink, clock):
    """pending, processing, completed; the element's id lies in `result_data`."""
    said = await evolink.ask("POST", GENERATIONS, json=request())
    task = said.json
    assert task["id"].startswith("task-unified-")
    assert (task["object"], task["status"], task["progress"]) == ("video.generation.task", "pending", 0)
    assert task["usage"]["credits_reserved"] == 1
    assert 1_700_000_000 < task["created"] < 10_000_000_000
    clock.now += 5
    assert (await evolink.ask("GET", f"/v1/tasks/{task['id']}")).json["status"] == "processing"
    clock.now += 5
    done = (await evolink.ask("GET", f"/v1/tasks/{task['id']}")).json
    assert (done["status"], done["progress"]) == ("completed", 100)
    assert int(done["result_data"]["elements"][0]["element_id"]) > 2**53


async def test_evolink_says_why_a_task_failed(evolink, sandbox, clock):
    """In an `error` object inside of the task, under 200."""
    sandbox.script("create", Fault.task_fails("blocked"), gateway="evolink")
    task_id = (await evolink.ask("POST", GENERATIONS, json=request())).json["id"]
    clock.now += 10
    said = await evolink.ask("GET", f"/v1/tasks/{task_id}")
    assert (said.status, said.json["status"]) == (200, "failed")
    assert said.json["error"]["message"] == "blocked"


async def test_evolink_takes_one_video_as_an_object(evolink):
    """And a voice with it."""
    video_list = {"video_url": "https://example.com/a.mp4"}
    body = request(reference_type="video_refer", element_video_list=video_list, element_voice_id="v1")
    assert (await evolink.ask("POST", GENERATIONS, json=body)).status == 200


@pytest.mark.parametrize(
    "params",
    [
        {"element_image_list": images(raw(png()), "https://example.com/b.png")},
        {"element_image_list": {}},
        {"element_image_list": {"refer_images": ["https://example.com/a.png"]}},
        {"element_voice_id": "v1"},
        {"reference_type": "video_refer", "element_video_list": {"refer_videos": []}},
        {"element_name": ""},
    ],
)
async def test_evolink_refuses_what_it_cannot_carry(evolink, sandbox, params):
    """400, in its own words."""
    said = await evolink.ask("POST", GENERATIONS, json=request(**params))
    assert said.status == 400
    assert said.json["error"]["type"] == "invalid_request_error"
    assert sandbox.account("evolink").creates == 0


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({**request(), "model": "kling-v3"}, 403, "model_access_denied"),
        ({"model": "kling-custom-element"}, 400, "invalid_request"),
        ({**request(), "callback_url": "https://example.com/" + "x" * 2048}, 400, "invalid_request"),
        ([], 400, "invalid_request"),
    ],
)
async def test_evolink_names_what_is_wrong_with_a_request(evolink, body, status, code):
    """403 for another model, 400 for the rest."""
    said = await evolink.ask("POST", GENERATIONS, json=body)
    assert (said.status, said.json["error"]["code"]) == (status, code)


async def test_evolink_wants_callbacks_by_https(evolink):
    """Loopback is let through, for whoever tests callbacks."""
    for url, status in (
        ("http://example.com/", 400),
        ("https://example.com/", 200),
        ("http://localhost/", 200),
    ):
        body = {**request(), "callback_url": url}
        assert (await evolink.ask("POST", GENERATIONS, json=body)).status == status


async def test_evolink_tells_a_foreign_id_from_an_unknown_one(evolink):
    """A foreign one is `invalid_task_id`."""
    said = await evolink.ask("GET", "/v1/tasks/860434405402222626")
    assert (said.status, said.json["error"]["code"]) == (400, "invalid_task_id")
    assert said.json["error"]["param"] == "task_id"
    assert (await evolink.ask("GET", "/v1/tasks/task-unified-1-a")).status == 404


async def test_evolink_asks_for_money_by_402_and_for_patience_by_429(evolink, sandbox):
    """Where the others say 1102 and 1303."""
    account = sandbox.account("evolink")
    account.slots = 0
    assert (await evolink.ask("POST", GENERATIONS, json=request())).status == 429
    account.exhausted = True
    said = await evolink.ask("POST", GENERATIONS, json=request())
    assert (said.status, said.json["error"]["code"]) == (402, "insufficient_quota")
