"""Answers on their way to the platforms: held for undo, sent once, and never silently not at all (docs/replying.md)."""

from aggregator.outbox.outbox import Outbox, SaidMeanwhileError, TooLateError
from aggregator.outbox.row import Row, State
from aggregator.outbox.seen import Answer
from aggregator.outbox.sender import Sender

__all__ = ["Answer", "Outbox", "Row", "SaidMeanwhileError", "Sender", "State", "TooLateError"]
