"""Learn: the method in scenes, on a plane where the truth is known."""

from pages.shared import room
from pages.shared.learn import scenes, story

with room.frame(
    "Learn",
    "The method in seven scenes, on a toy where the truth is known. Predict first, then look, and go on with *Next*.",
    needs_data=False,
):
    story.tell(scenes.SCENES)
