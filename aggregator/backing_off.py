"""How long to wait before what has failed is tried again: longer each time, and a little by chance, so that those who
failed together do not come again together.
"""

from __future__ import annotations

from tenacity import RetryCallState, Retrying, wait_exponential_jitter


class BackOff:
    """From two seconds on, each time `times` as long, and never longer than `longest` seconds."""

    def __init__(self, longest: float, *, times: int = 2) -> None:
        self._wait = wait_exponential_jitter(multiplier=2, max=longest, exp_base=times, jitter=2)

    def after(self, failures: int) -> float:
        """Seconds to wait after so many failures in a row."""
        state = RetryCallState(retry_object=Retrying(), fn=None, args=(), kwargs={})
        state.attempt_number = failures
        return float(self._wait(state))
