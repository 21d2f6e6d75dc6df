"""The platforms of the day, one each."""

from typing import Final

from aggregator.demo.scene import Scene
from aggregator.demo.scenes.forum import ForumScene
from aggregator.demo.scenes.telegram import TelegramScene

SCENES: Final[tuple[type[Scene], ...]] = (ForumScene, TelegramScene)
