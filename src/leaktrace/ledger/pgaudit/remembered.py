"""Answers remembered by the text they are for, up to so many characters of text in all."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

Answer = TypeVar("Answer")


class Remembered(Generic[Answer]):
    """A function of one text that is not asked twice for the texts asked for last.

    `functools.lru_cache` counts texts; here a few thousand may be of any length that their author likes.
    """

    def __init__(self, function: Callable[[str], Answer], ceiling_characters: int) -> None:
        self._function = function
        self._ceiling_characters = ceiling_characters
        self._answers: OrderedDict[str, Answer] = OrderedDict()
        self.held_characters = 0

    def __call__(self, text: str) -> Answer:
        """The function's answer."""
        if text in self._answers:
            self._answers.move_to_end(text)
            return self._answers[text]
        answer = self._answers[text] = self._function(text)
        self.held_characters += len(text)
        while self.held_characters > self._ceiling_characters:
            forgotten, _ = self._answers.popitem(last=False)
            self.held_characters -= len(forgotten)
        return answer

    def forget(self) -> None:
        """Start anew."""
        self._answers.clear()
        self.held_characters = 0
