"""What a create asks for, once it has passed validation. Words of no dialect."""

from typing import Literal

from attrs import frozen

from .picture import Picture


@frozen
class Order:
    """A create that an account accepts."""

    name: str
    description: str
    kind: Literal["image_refer", "video_refer"]
    frontal: Picture | None = None
    others: tuple[Picture, ...] = ()
    video: str = ""
    voice_id: str = ""
    tags: tuple[str, ...] = ()
    external_task_id: str = ""
    callback_url: str = ""

    @property
    def problem(self) -> str:
        """Why its task will fail, or an empty text."""
        pictures = ((self.frontal,) if self.frontal else ()) + self.others
        return next((picture.problem for picture in pictures if picture.problem), "")
