"""How a process ends when it is asked to: once, in order, and undisturbed by a second Ctrl-C."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

T = TypeVar("T")


@contextmanager
def until_signalled(stop: asyncio.Future[None], hang_up: Callable[[], None] | None = None) -> Iterator[None]:
    """While the block lasts, SIGINT and SIGTERM complete `stop`. Further ones do nothing, nor does Ctrl-C after it.

    Signals come to the main thread only; in another one nothing happens.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()

    def end() -> None:
        if not stop.done():
            stop.set_result(None)

    watched: dict[signal.Signals, Callable[[], None]] = {signal.SIGINT: end, signal.SIGTERM: end}
    if hang_up:
        watched[signal.SIGHUP] = hang_up
    for number, handler in watched.items():
        loop.add_signal_handler(number, handler)
    try:
        yield
    finally:
        for number in sorted(watched, reverse=True):  # SIGINT last: until it is ignored it would raise
            loop.remove_signal_handler(number)
        if stop.done():
            ignore_ctrl_c()


async def stoppable(work: Coroutine[Any, Any, T]) -> T:
    """Ctrl-C cancels it.

    Raises:
        CancelledError: it was stopped.
    """
    task, stop = asyncio.ensure_future(work), asyncio.get_running_loop().create_future()
    with until_signalled(stop):
        await asyncio.wait([task, stop], return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            task.cancel()
            await asyncio.wait([task])
    return task.result()


def ignore_ctrl_c() -> None:
    """The process ends: Ctrl-C would only break off what the interpreter does last."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


async def ended(task: asyncio.Task[None]) -> None:
    """End it, and wait until it has."""
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
