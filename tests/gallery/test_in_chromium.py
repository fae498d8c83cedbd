"""The page in a real Chromium: what a person sees, finds and copies.

Needs ``chromium`` on the path (Debian's package of that name) and ``playwright`` (the extra ``test-all``).
"""

import asyncio
import shutil
import struct

import machine
import pytest

from kling_elements_async import Element
from kling_elements_async.gallery import Entry, page

from .materials import NOW, library, pictures

playwright = pytest.importorskip(
    "playwright.async_api", reason="playwright is missing: install the extra test-all"
)
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM, reason="no chromium on the path: apt-get install chromium"),
]
OPENED = """Math.max(
    performance.getEntriesByType("navigation")[0].loadEventEnd,
    performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? 0)"""
SEARCH = """async (words) => {
    const search = document.getElementById("search");
    const began = performance.now();
    search.value = words;
    search.dispatchEvent(new Event("input"));
    document.body.getBoundingClientRect();
    const answered = performance.now() - began;
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    return [answered, performance.now() - began];
}"""


@pytest.fixture
async def chromium(tmp_path):
    async with playwright.async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=machine.launcher(CHROMIUM, tmp_path))
        yield browser
        await browser.close()


@pytest.fixture
def opened(chromium, tmp_path):
    """Write a page, open the file, and return the tab; what the page complains of is in ``tab.complaints``."""

    async def open_page(entries, *, width=1280, before="", **options):
        file = tmp_path / "elements.html"
        file.write_text(page(entries, gateway="kling", now=NOW), encoding="utf-8")
        context = await chromium.new_context(viewport={"width": width, "height": 844}, **options)
        if before:
            await context.add_init_script(before)
        tab = await context.new_page()
        tab.complaints = []
        tab.on("console", lambda message: tab.complaints.append(message.text))
        tab.on("pageerror", lambda error: tab.complaints.append(str(error)))
        await tab.goto(file.as_uri())
        return tab

    return open_page


async def shown(tab):
    """The names that are on the page, without those that are filtered out."""
    return await tab.locator(".card:visible .name").all_inner_texts()


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "light"), (390, "dark")])
async def test_pictures_are_shown_at_every_width(opened, tmp_path, width, scheme):
    """All in view have come, nothing is wider than the screen, and their host learns nothing of the page."""
    async with pictures() as (root, seen):
        tab = await opened(library(40, root), width=width, color_scheme=scheme)
        # Asked again from here: the page's policy forbids what would ask there.
        while not await tab.evaluate("document.querySelector('.front img').naturalWidth > 0"):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        await tab.wait_for_load_state("networkidle")
        await tab.screenshot(path=tmp_path / "screen.png")
        assert await tab.evaluate("document.scrollingElement.scrollWidth") == width
    assert 0 < len(seen) < 75  # of 98: the others wait until they come into view
    assert not any("Referer" in request.headers or "Cookie" in request.headers for request in seen)
    assert tab.complaints == []
    screen = (tmp_path / "screen.png").read_bytes()
    assert struct.unpack(">II", screen[16:24]) == (width, 844)
    assert len(screen) > 10_000  # one colour alone would take a fraction


async def test_the_search_finds_by_name_and_tag_whatever_the_accents(opened):
    """All words must match; what does not is gone, and the count says so."""
    tab = await opened(library(60))
    await tab.keyboard.press("/")
    await tab.keyboard.type("alte bar")
    assert set(await shown(tab)) == {"Der alte Bär", "Der alte Bär 32", "Der alte Bär 42", "Der alte Bär 52"}
    assert (await tab.inner_text("#count")) == "6 of 60 elements"
    await tab.fill("#search", "otter animal")
    assert all("animal" in text for text in await tab.locator(".card:visible .labels").all_inner_texts())
    await tab.fill("#search", "nothing of that kind")
    assert await shown(tab) == []
    assert await tab.is_visible("text=No element matches.")
    await tab.keyboard.press("Escape")
    assert len(await shown(tab)) == 60


async def test_a_filter_shows_only_what_passes(opened):
    """Two together show what passes both; pressed again, a filter is off."""
    tab = await opened(library(60))
    deleted, animal = tab.locator(".chips button", has_text="deleted"), tab.locator(".chips", has_text="animal")
    await deleted.click()
    assert len(await shown(tab)) == await tab.locator(".card.deleted").count() == 3
    assert await deleted.get_attribute("aria-pressed") == "true"
    await animal.locator("button", has_text="animal").click()
    assert len(await shown(tab)) < 3
    await animal.locator("button", has_text="animal").click()
    await deleted.focus()
    await tab.keyboard.press("Enter")
    assert len(await shown(tab)) == 60


@pytest.mark.parametrize("before", ["", "Object.defineProperty(navigator, 'clipboard', {value: undefined})"])
async def test_a_click_copies_the_id(opened, before):
    """It is pasted into the search, which finds its element; where there is no clipboard API, too."""
    tab = await opened(library(30), before=before)
    await tab.locator(".copy").nth(6).click()
    copied = await tab.locator("code").nth(6).inner_text()
    assert await tab.locator(".copy").nth(6).inner_text() == "Copied"
    await tab.focus("#search")
    await tab.keyboard.press("Control+v")
    assert await tab.input_value("#search") == copied
    assert await tab.locator(".card:visible code").all_inner_texts() == [copied]


async def test_without_javascript_everything_is_there_but_search_and_copy(opened):
    """They would do nothing, so they are not shown."""
    tab = await opened(library(30), java_script_enabled=False)
    assert len(await shown(tab)) == 30
    assert not await tab.is_visible("#search")
    assert await tab.locator(".copy:visible").count() == 0
    assert await tab.locator("code:visible").count() == 30


async def test_a_hostile_element_runs_nothing(opened):
    """Its words are on the page as words; even a script that got in would be refused."""
    bad = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
    hostile = Element(bad, name=bad, description=bad, frontal_image=f"https://{bad}", tags=(bad,))
    tab = await opened([Entry(hostile, NOW)])
    assert await shown(tab) == [bad]
    await tab.evaluate(
        "document.body.append(Object.assign(document.createElement('script'), {text: 'hacked = 1'}))"
    )
    assert await tab.evaluate("typeof hacked") == "undefined"
    assert "owned" not in await tab.title()
    assert "script" in "".join(tab.complaints)


async def best_of_ten(tab, measure, goal):
    """The least of what was measured; other work on the machine only adds to it. Ends when the goal is reached."""
    best = float("inf")
    for _ in range(10):
        best = min(best, await measure(tab))
        if best < goal:
            break
    return best


async def test_five_hundred_elements_open_within_a_second_and_a_search_answers_at_once(opened, record_property):
    """By Chromium's own clock, at its best on a machine with other work; what is not in view is left."""

    async def load(tab):
        await tab.reload()
        return await tab.evaluate(OPENED)

    async def search(tab):
        return max([(await tab.evaluate(SEARCH, words))[0] for words in ("o", "ot", "otter", "otter animal", "")])

    async with pictures() as (root, _):
        tab = await opened(library(500, root))
        loaded = await best_of_ten(tab, load, 1000)
        searched = await best_of_ten(tab, search, 50)
    record_property("milliseconds", {"opened": loaded, "searched": searched})
    assert loaded < 1000
    assert searched < 50
