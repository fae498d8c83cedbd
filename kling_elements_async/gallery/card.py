"""One element as a card: its pictures, its facts, and its id to copy.

Law: what is missing is left out or said; nothing here depends on a script.
"""

from datetime import datetime

from ..models import Element, Voice
from .entry import Entry, age
from .markup import Markup, joined, safe_link, tag

OWN, PRESET, DELETED = "yours", "Kling's own", "deleted"


def card(entry: Entry, chips: str, now: datetime, *, heading: str) -> Markup:
    """Return the card; ``chips`` are the numbers of the filters that it passes."""
    element = entry.element
    about = tag(
        "div",
        tag(heading, element.name or "without a name", class_="name", dir="auto"),
        _when(entry, now),
        tag("p", element.description, class_="description", dir="auto") if element.description else "",
        _labels(element),
        _voice(element.voice) if element.voice else "",
        _videos(element),
        _id(element),
        class_="about",
    )
    pictures = tag("div", _front(element), _angles(element), class_="pictures")
    classes = "card deleted" if element.is_deleted else "card"
    return tag("li", tag("article", pictures, about), class_=classes, data_chips=chips)


def kind(element: Element) -> str:
    """Return whose an element is."""
    return PRESET if element.is_preset else OWN


def _front(element: Element) -> Markup:
    found = safe_link(element.frontal_image)
    if found is None:
        return tag("p", "a video, no picture" if element.videos else "no picture", class_="front none")
    return _picture(found, f"{element.name or 'element'}, front", "front")


def _angles(element: Element) -> Markup:
    found = [url for url in map(safe_link, element.other_images) if url]
    if not found:
        return Markup()
    pictures = (_picture(url, f"angle {number}", "angle") for number, url in enumerate(found, 2))
    return tag("div", *pictures, class_="angles")


def _picture(url: str, alt: str, class_: str) -> Markup:
    image = tag("img", src=url, alt=alt, loading="lazy", decoding="async", referrerpolicy="no-referrer")
    return link(image, url, class_)


def link(content: str, url: str, class_: str | None = None) -> Markup:
    """Return a link to a foreign page, which learns nothing of ours."""
    return tag("a", content, href=url, class_=class_, target="_blank", rel="noopener noreferrer")


def _when(entry: Entry, now: datetime) -> Markup:
    if entry.made_at is None:
        return Markup()
    day = tag("time", f"{entry.made_at:%Y-%m-%d}", datetime=entry.made_at.isoformat(timespec="seconds"))
    return tag("p", f"{age(entry.made_at, now)}, ", day, class_="when")


def _labels(element: Element) -> Markup:
    kinds = [kind(element), DELETED] if element.is_deleted else [kind(element)]
    shown = [tag("li", each, class_="kind") for each in kinds]
    return tag("ul", *shown, *(tag("li", str(each), dir="auto") for each in element.tags), class_="labels")


def _voice(voice: Voice) -> Markup:
    sample = safe_link(voice.trial_url)
    heard = joined(" ", link("listen", sample)) if sample else Markup()
    return tag("p", "Voice: ", tag("bdi", voice.name or voice.voice_id), heard, class_="voice")


def _videos(element: Element) -> Markup:
    found = [url for url in map(safe_link, element.videos) if url]
    return tag("p", *(link("watch the video", url) for url in found), class_="videos") if found else Markup()


def _id(element: Element) -> Markup:
    button = tag("button", "Copy", class_="copy", type="button", aria_label=f"Copy id {element.element_id}")
    return tag("p", tag("code", element.element_id), button, class_="id")
