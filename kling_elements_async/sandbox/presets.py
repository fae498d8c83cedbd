"""The vendor's own elements, the same in every account. Made up; only their shape is real."""

from .order import Order
from .picture import Picture
from .task import Task

FIRST_TASK_ID = 829836802793406501
FIRST_ELEMENT_ID = 829836802793411001
CAST = {
    "Astronaut": "o_102",
    "Barista": "o_102",
    "Corgi": "o_103",
    "Paper boat": "o_104",
    "Red raincoat": "o_105",
    "Night market": "o_106",
    "Fireflies": "o_107",
}


def preset(number: int, name: str, tag: str) -> Task:
    """Build one preset as a task that ended long ago."""
    link = f"https://cdn.example.com/presets/{number}"
    order = Order(
        name,
        f"{name}, from the official library",
        "image_refer",
        frontal=Picture(f"{link}/front.png"),
        others=(Picture(f"{link}/side.png"),),
        voice_id="829824295735" if tag == "o_102" else "",
        tags=(tag,),
    )
    task_id, element_id = str(FIRST_TASK_ID + number), str(FIRST_ELEMENT_ID + number)
    return Task(task_id, element_id, order, born=0.0, created=1_767_225_600.0, duration=0.0)


PRESETS = tuple(preset(number, name, tag) for number, (name, tag) in enumerate(CAST.items()))


def page(number: int, size: int) -> tuple[Task, ...]:
    """List presets."""
    return PRESETS[(number - 1) * size : number * size]
