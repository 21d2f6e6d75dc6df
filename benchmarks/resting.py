"""The service with every connector and nothing to do: how soon it is ready, and how much memory it rests in.

Each source's platform is an address at which nobody answers, so that nothing is stored.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Final

import httpx

from benchmarks.children import ChildFailedError
from benchmarks.desk_service import cpu_seconds
from benchmarks.figures import Figure, print_figures
from tests.ports import free_ports

RUNS: Final = 3
RESTS: Final = 10.0  # seconds after it was ready
REACH_SECONDS, REACH_MB, PATIENCE = 1.5, 200.0, 60.0
SECRETS: Final = {"BENCH_SECRET": "123456:ABC", "BENCH_KEY": "a" * 43}
CONFIG: Final = """
data: data
web: {{port: {web}}}
hooks: {{port: {hooks}}}
sources:
  forum: {{connector: discourse, url: "http://{nobody}"}}
  telegram: {{connector: telegram, token: {{env: BENCH_SECRET}}, chats: [-1001], api: "http://{nobody}"}}
  wechat: {{connector: wechat, appid: wx1234567890abcdef, secret: {{env: BENCH_SECRET}},
    callback_token: {{env: BENCH_SECRET}}, api: "http://{nobody}"}}
  wechat-kf: {{connector: wechat_kf, corpid: ww1234567890abcdef, secret: {{env: BENCH_SECRET}},
    callback_token: {{env: BENCH_SECRET}}, encoding_aes_key: {{env: BENCH_KEY}}, api: "http://{nobody}"}}
  app: {{connector: chat, secret: {{env: BENCH_SECRET}}}}
  reviews: {{connector: feed, url: "http://{nobody}/rss"}}
  qq: {{connector: qq, accept_risk: true, url: "http://{nobody}", token: {{env: BENCH_SECRET}}, account: 10001000,
    groups: [123456789]}}
  qq-bot: {{connector: qq_bot, app_id: "102000000", secret: {{env: BENCH_SECRET}}, way: webhook, hears: [groups]}}
  weibo: {{connector: weibo, token: {{env: BENCH_SECRET}}, api: "http://{nobody}"}}
  mail: {{connector: imap, host: 127.0.0.1, port: 9, user: desk, password: {{env: BENCH_SECRET}}}}
"""


def measure(runs: int = RUNS, rests: float = RESTS) -> Iterator[Figure]:
    """The medians of the runs, after one that compiles the modules, as an installation has them."""
    with TemporaryDirectory(prefix="bench-compiled-") as compiled:
        env = {**os.environ, **SECRETS, "PYTHONPYCACHEPREFIX": compiled}
        env.pop("PYTHONDONTWRITEBYTECODE", None)
        if runs > 1:
            _run(0, env)
        ran = [_run(rests, env) for _ in range(runs)]
    seconds, cpu, memory, own = (round(median(each), 2) for each in zip(*ran, strict=True))
    beside = {"cpu_seconds": cpu, "runs": runs}
    yield Figure("resting", "run with all connectors until it is ready", seconds, "s", REACH_SECONDS, beside)
    yield Figure("resting", "its memory at rest", memory, "MB", REACH_MB, {"without_files": own, "runs": runs})


def _run(rests: float, env: Mapping[str, str]) -> tuple[float, float, float, float]:
    """Seconds and processor seconds until it is ready; MB after a while, with and without what is mapped from files."""
    with TemporaryDirectory(prefix="bench-rest-") as folder:
        config, (port, hooks) = Path(folder) / "connectors.yaml", free_ports(2)
        config.write_text(CONFIG.format(web=port, hooks=hooks, nobody="127.0.0.1:9"), encoding="utf-8")
        began = time.perf_counter()
        with subprocess.Popen(
            (sys.executable, "-m", "aggregator", "run", "--config", str(config)),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=env,
        ) as service:  # fmt: skip
            try:
                while not _is_ready(port):
                    if service.poll() is not None or time.perf_counter() - began > PATIENCE:
                        raise ChildFailedError("aggregator run was not ready in time")
                    time.sleep(0.02)
                seconds, cpu = time.perf_counter() - began, cpu_seconds(service.pid)
                time.sleep(rests)
                told = Path(f"/proc/{service.pid}/status").read_text(encoding="ascii")
                sizes = dict(re.findall(r"(VmRSS|RssAnon):\s+(\d+) kB", told))
            finally:
                service.send_signal(signal.SIGTERM)
    return seconds, cpu, int(sizes["VmRSS"]) * 1024 / 1e6, int(sizes["RssAnon"]) * 1024 / 1e6


def _is_ready(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health/ready", timeout=PATIENCE, trust_env=False).is_success
    except httpx.TransportError:
        return False


if __name__ == "__main__":
    print_figures(measure())
