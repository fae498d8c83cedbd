"""Everything that is wrong with a spec, at once, before anything is sent.

Law: knows the documented limits and what a gateway carries, no gateway by name. Nothing is dropped silently:
what a gateway cannot carry is a problem too.
"""

from collections.abc import Iterator

from .callback_urls import callback_url_problems
from .ids import external_id_problem
from .models import ElementSpec, Images
from .pictures import is_link, link_problem, picture_problems
from .wire import Gateway

MOST_NAME = 20
MOST_DESCRIPTION = 100


def problems_of(spec: ElementSpec, gateway: Gateway) -> list[str]:
    """Return all problems, each as ``place: what is wrong``. Reads the files of local pictures."""
    return [*_text_problems(spec), *_reference_problems(spec, gateway), *_carrying_problems(spec, gateway)]


def needs_reading(spec: ElementSpec) -> bool:
    """Whether checking the spec reads or decodes a picture, which does not belong on the event loop."""
    images = spec.reference
    return isinstance(images, Images) and not all(map(is_link, (images.frontal, *images.others)))


def _text_problems(spec: ElementSpec) -> Iterator[str]:
    for place, text, most in (
        ("name", spec.name, MOST_NAME),
        ("description", spec.description, MOST_DESCRIPTION),
    ):
        if not text.strip():
            yield f"{place}: is empty"
        if len(text) > most:
            yield f"{place}: has {len(text)} characters; at most {most} are allowed"
        if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
            yield f"{place}: holds half a character (a lone surrogate), which no request can carry"
    if spec.voice_id is not None and not spec.voice_id.strip():
        yield "voice_id: is empty"
    if spec.external_task_id is not None and (problem := external_id_problem(spec.external_task_id)):
        yield problem


def _reference_problems(spec: ElementSpec, gateway: Gateway) -> Iterator[str]:
    if not isinstance(spec.reference, Images):
        if problem := link_problem(spec.reference.url):
            yield f"reference.url: {problem}; a video is given by its URL only"
        return
    least, most = gateway.carries.least_others, gateway.carries.most_others
    count = len(spec.reference.others)
    if count < least or (most is not None and count > most):
        yield f"reference.others: has {count} images; {least} to {most or 'any number'} are allowed"
    places = [("frontal", spec.reference.frontal)]
    places += [(f"others[{index}]", image) for index, image in enumerate(spec.reference.others)]
    for place, image in places:
        if not gateway.carries.local_images and not is_link(image):
            yield f"reference.{place}: {gateway.name} takes images by URL only"
            continue
        yield from (f"reference.{place}: {problem}" for problem in picture_problems(image))


def _carrying_problems(spec: ElementSpec, gateway: Gateway) -> Iterator[str]:
    carries, name = gateway.carries, gateway.name
    if spec.reference_type == "video" and not carries.videos:
        yield f"reference: {name} makes no element from a video"
    if spec.tags and not carries.tags:
        yield f"tags: {name} carries none"
    if not spec.tags and carries.tags_required:
        yield f"tags: {name} requires at least one"
    if spec.voice_id is not None and carries.voice == "none":
        yield f"voice_id: {name} carries none"
    if spec.voice_id is not None and carries.voice == "video" and spec.reference_type != "video":
        yield f"voice_id: {name} binds a voice to video elements only"
    if spec.callback_url is not None:
        yield from (f"callback_url: {problem}" for problem in _callback_problems(spec.callback_url, gateway))
    if spec.external_task_id is not None and not carries.external_ids:
        yield f"external_task_id: {name} knows none"


def _callback_problems(url: str, gateway: Gateway) -> Iterator[str]:
    if gateway.carries.callbacks == "none":
        yield f"{gateway.name} carries none"
    else:
        public_only = gateway.carries.callbacks == "public"
        yield from callback_url_problems(url, public_only=public_only, base_url=gateway.base_url)
