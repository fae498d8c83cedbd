"""What is used wrongly is said at once, by the error of Python or of ours that fits, and nothing is sent."""

import pytest

from kling_elements_async import (
    ConfigurationError,
    ElementSpec,
    ElementsSession,
    Images,
    InvalidElementError,
    NotOfferedError,
    Video,
)
from kling_elements_async.gateways import EzModel
from kling_elements_async.wire import Gateway

LINK = "https://example.com/a.png"
NOWHERE = "http://127.0.0.1:1"


@pytest.fixture
async def session():
    async with ElementsSession(EzModel(api_key="k", base_url=NOWHERE)) as session:
        yield session


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"max_connections": 0}, "max_connections is 0"),
        ({"max_connections": -1}, "max_connections is -1"),
        ({"max_running_tasks": 0}, "max_running_tasks is 0"),
    ],
    ids=str,
)
def test_a_session_that_could_send_nothing(options, words):
    """A limit that lets nothing through is a mistake of configuration."""
    with pytest.raises(ConfigurationError, match=words):
        ElementsSession(EzModel(api_key="k"), **options)


@pytest.mark.parametrize("gateway", ["ezmodel", None, EzModel], ids=repr)
def test_what_is_no_gateway(gateway):
    """A name or a class in its place is answered with how to write it."""
    with pytest.raises(ConfigurationError, match="ElementsSession"):
        ElementsSession(gateway)


@pytest.mark.parametrize("url", [7, None, b"https://example.com"], ids=repr)
def test_a_base_url_that_is_no_text(url):
    """It is refused by its type, where None is not the default."""
    if url is None:
        assert EzModel(api_key="k", base_url=url).base_url == EzModel.default_base_url
    else:
        with pytest.raises(ConfigurationError, match=type(url).__name__):
            EzModel(api_key="k", base_url=url)


@pytest.mark.parametrize("spec", ["my-character", {"name": "x"}, None], ids=repr)
@pytest.mark.parametrize("call", ["create_element", "create_and_wait", "check_element"])
async def test_what_is_no_spec(session, call, spec):
    """A TypeError names the type that came."""
    with pytest.raises(TypeError, match=type(spec).__name__):
        await getattr(session, call)(spec)


@pytest.mark.parametrize(("page", "page_size"), [(0, 30), (1001, 30), (1, 0), (1, 501), (-1, -1)])
@pytest.mark.parametrize("call", ["list_elements", "list_preset_elements"])
async def test_a_page_that_there_cannot_be(session, call, page, page_size):
    """Out of the documented bounds it is a ValueError that says which."""
    named = "page" if not 1 <= page <= 1000 else "page_size"
    with pytest.raises(ValueError, match=f"^{named} is {page if named == 'page' else page_size}: 1 to "):
        await getattr(session, call)(page=page, page_size=page_size)


async def test_one_id_in_place_of_many(session):
    """A text is not taken for a list of letters, each of them an id."""
    with pytest.raises(TypeError, match="element_id"):
        await session.delete_many("856528387816046601")


@pytest.mark.parametrize("timeout", [0, -1, float("nan")])
async def test_a_create_without_time(session, timeout):
    """A timeout that no create could keep is a ValueError."""
    spec = ElementSpec("x", "x", Images(LINK, [LINK]))
    with pytest.raises(ValueError, match="timeout"):
        await session.create_element(spec, timeout=timeout)


async def test_a_voice_without_an_id(session):
    """An empty voice is a problem of the spec, and no voice."""
    spec = ElementSpec("x", "x", Video("https://example.com/a.mp4"), voice_id=" ")
    with pytest.raises(InvalidElementError) as info:
        await session.create_element(spec)
    assert info.value.problems == ("voice_id: is empty",)


@pytest.mark.parametrize(
    ("call", "arguments"),
    [
        ("create", (None, None)),
        ("get_one", ("1",)),
        ("list_custom", (1, 1)),
        ("list_presets", (1, 1)),
        ("delete", ("1",)),
    ],
)
def test_a_gateway_that_says_nothing_of_a_call(call, arguments):
    """What a gateway's own file leaves out, it does not offer; the error names it."""

    class Bare(Gateway):
        name = "bare"
        default_base_url = "https://example.com"

    with pytest.raises(NotOfferedError, match="bare"):
        getattr(Bare(api_key="k"), call)(*arguments)


def test_a_pair_of_keys_for_a_gateway_that_takes_one(monkeypatch):
    """The environment has the wrong kind of key: the error names the variable that is wanted."""
    for name in ("KLING_API_KEY", "KLING_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"GATEWAY": "ezmodel", "ACCESS_KEY": "a", "SECRET_KEY": "s"}.items():
        monkeypatch.setenv(f"KLING_{name}", value)
    with pytest.raises(ConfigurationError, match="KLING_API_KEY"):
        ElementsSession.from_env()
