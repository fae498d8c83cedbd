"""The page as text: what it says, and that nobody but us says anything in HTML."""

import re
from base64 import b64encode
from datetime import timedelta
from hashlib import sha256

import pytest
from hypothesis import example
from hypothesis import strategies as st
from tables import few_and_many

from kling_elements_async import Element, Tag
from kling_elements_async.gallery import Entry, page
from kling_elements_async.gallery.entry import age, groups
from kling_elements_async.models import Voice

from .materials import NOW, library
from .reading import Read

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</style></script></title><svg onload=alert(1)>",
    "<!--",
    "]]>",
    "&lt;b&gt;",
    "\0\x1b[2J\u202e\ud800",
    "javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "\tjava\nscript:alert(1)",
    "https://example.com/\" onload='alert(1)",
    "https://example.com/<script>",
    "http://",
]
SHAPES = {
    *(("html", ("lang",)), ("head", ()), ("title", ()), ("style", ()), ("body", ()), ("script", ())),
    *(("meta", ("charset",)), ("meta", ("http-equiv", "content")), ("meta", ("name", "content"))),
    *(("header", ()), ("h1", ()), ("p", ()), ("p", ("class",)), ("span", ("role", "id")), ("time", ("datetime",))),
    *(("div", ("class", "role")), ("div", ("class", "role", "aria-label")), ("span", ())),
    ("input", ("type", "id", "placeholder", "aria-label", "aria-keyshortcuts", "autocomplete", "spellcheck")),
    *(("button", ("type", "aria-pressed")), ("button", ("class", "type", "aria-label")), ("main", ())),
    *(("ul", ()), ("ul", ("class",)), ("li", ("class",)), ("li", ("class", "data-chips")), ("li", ("dir",))),
    *(("article", ()), ("div", ("class",)), ("h2", ()), ("h2", ("class", "dir")), ("h3", ("class", "dir"))),
    *(("a", ("href", "target", "rel")), ("a", ("href", "class", "target", "rel")), ("bdi", ()), ("code", ())),
    *(("img", ("src", "alt", "loading", "decoding", "referrerpolicy")), ("p", ("class", "dir"))),
    ("p", ("class", "hidden")),
}

texts = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=40))
elements = st.builds(
    Element,
    element_id=texts.filter(bool),
    name=st.none() | texts,
    description=st.none() | texts,
    frontal_image=st.none() | texts,
    other_images=st.lists(texts, max_size=3).map(tuple),
    videos=st.lists(texts, max_size=2).map(tuple),
    voice=st.none() | st.builds(Voice, voice_id=texts, name=st.none() | texts, trial_url=st.none() | texts),
    tags=st.lists(texts | st.sampled_from(Tag), max_size=3).map(tuple),
    owner=st.sampled_from(["kling", "1", "<b>"]),
    status=st.sampled_from(["succeed", "deleted"]),
)


def element(name="fox", **facts):
    return Entry(Element(facts.pop("element_id", "1"), name=name, **facts), facts.pop("made_at", None))


def written(*entries, gateway="kling"):
    return page(entries, gateway=gateway, now=NOW)


@few_and_many(15, 60, st.lists(elements, max_size=4), texts)
@example(
    [Element(text, *[text] * 2, "image", text, (text,) * 3, (text,), None, (text,)) for text in HOSTILE], "<b>"
)
def test_whatever_an_element_says_no_element_or_attribute_is_added(found, gateway):
    """Names, ids, tags, links: all of it stays text, every link is http(s), and the page can be written."""
    html = page((Entry(each, NOW) for each in found), gateway=gateway, now=NOW)
    read = Read(html)
    assert set(read.shapes) <= SHAPES
    assert (read.shapes["script", ()], read.shapes["style", ()], read.unclosed) == (1, 1, [])
    for url in read.of("a", "href") + read.of("img", "src"):
        assert re.match(r"https?://[^\s]+$", url, re.IGNORECASE)
    assert not re.search(r"[\0-\x09\x0b-\x1f\x7f\ud800-\udfff]", html)
    html.encode()


def test_a_hostile_name_is_shown_as_it_is():
    """As text: a person sees what the name is."""
    read = Read(written(element("<script>alert('hi')</script>")))
    assert "<script>alert('hi')</script>" in read.texts


def test_only_its_own_style_and_script_are_let_in():
    """The policy names them by their digests, and allows pictures besides."""
    html = written(*library(5))
    (policy,) = [value for value in Read(html).of("meta", "content") if "default-src" in value]
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules.pop("default-src") == rules.pop("base-uri") == rules.pop("form-action") == "'none'"
    assert rules.pop("img-src") == "http: https:"
    for kind in ("style", "script"):
        content = re.search(f"<{kind}>(.*?)</{kind}>", html, re.DOTALL)[1]
        digest = b64encode(sha256(content.encode()).digest()).decode()
        assert rules.pop(f"{kind}-src") == f"'sha256-{digest}'"
    assert not rules
    assert " style=" not in html


def test_all_facts_of_an_element_are_there():
    """Pictures, name, tags, voice, age, whose it is, the id."""
    voice = Voice("9", "Warm alto", "https://example.com/v.mp3")
    found = Element(
        "856528387816046601",
        name="fox",
        description="a clever one",
        frontal_image="https://example.com/f.png",
        other_images=("https://example.com/a.png", "https://example.com/b.png"),
        videos=("https://example.com/v.mp4",),
        voice=voice,
        tags=(Tag.ANIMAL, "o_999"),
        owner="kling",
    )
    read = Read(written(Entry(found, NOW - timedelta(days=3))))
    text = " ".join(read.texts)
    for word in ("fox", "a clever one", "Warm alto", "animal", "o_999", "3 days old", "2026-11-17", "Kling's own"):
        assert word in text
    assert "2026-11-17T10:30:00+00:00" in read.of("time", "datetime")
    assert [url[-5:] for url in read.of("img", "src")] == ["f.png", "a.png", "b.png"]
    assert read.of("img", "alt") == ["fox, front", "angle 2", "angle 3"]
    assert set(read.of("img", "loading")) == {"lazy"}
    assert set(read.of("img", "referrerpolicy")) == {"no-referrer"}
    assert {"https://example.com/v.mp3", "https://example.com/v.mp4"} < set(read.of("a", "href"))
    assert "856528387816046601" in read.texts


def test_what_an_element_lacks_is_said_or_left_out():
    """Neither a broken picture nor an empty line."""
    read = Read(written(element(None)))
    assert "without a name" in read.texts
    assert "no picture" in read.texts
    assert not read.shapes["img", ("src", "alt", "loading", "decoding", "referrerpolicy")]


def test_elements_of_one_name_stand_side_by_side():
    """Whatever the case, in one group, the newest first; an own one before a preset."""
    old, new = (
        element("Fox", element_id="1"),
        Entry(Element("2", name="fox "), NOW),
    )
    preset = Entry(Element("3", name="FOX", owner="kling"), NOW)
    alone = Entry(Element("4", name="bear"), NOW - timedelta(days=1))
    found = [[entry.element.element_id for entry in group] for group in groups([old, preset, alone, new])]
    assert found == [["2", "1", "3"], ["4"]]
    assert "3 of the name " in Read(written(old, preset, alone, new)).texts


def test_nameless_elements_are_no_twins():
    """To have no name is not to have the same."""
    assert len(groups([element(None, element_id="1"), element("", element_id="2")])) == 2


def test_a_deleted_element_is_marked():
    """By a class for the eye, and by a word."""
    read = Read(written(element(status="deleted")))
    assert "card deleted" in read.of("li", "class")
    assert "deleted" in read.texts


def test_an_empty_library_says_so():
    """A page all the same."""
    read = Read(written())
    assert "There are no elements yet." in read.texts
    assert "0 elements" in read.texts


def test_the_filters_are_those_that_divide_the_library():
    """What all elements have in common is no filter; each says how many pass."""
    read = Read(written(*library(30)))
    assert "yours 28Kling's own 2deleted 2same name 24" in "".join(read.texts)
    assert len(read.of("button", "aria-pressed")) == 4 + len(Tag)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "just made"),
        (59, "just made"),
        (60, "1 minute old"),
        (7200, "2 hours old"),
        (172800, "2 days old"),
        (61 * 86400, "2 months old"),
        (800 * 86400, "2 years old"),
    ],
)
def test_an_age_is_said_as_a_person_says_it(seconds, words):
    """In one unit."""
    assert age(NOW - timedelta(seconds=seconds), NOW) == words


def test_the_same_library_is_the_same_page():
    """Byte for byte: it can be kept in version control."""
    assert written(*library(40)) == written(*library(40))
