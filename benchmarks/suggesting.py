"""What "answered before to others who asked the like" takes beside a million inquiries, a third of them answered.

The store is made by SQL: questions of seven words from two lists, and an answer to every third. Measured are the first
time, which reads the newest answered questions, and the times after it, as the page's fetch has them.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Final

from aggregator.answering.similar import Similar, suggestions
from aggregator.store.answered import question_of
from aggregator.store.database import Connection, Database
from benchmarks.figures import Figure, percentile, print_figures

INQUIRIES: Final = 1_000_000
OPEN: Final = 30_000
ASKED: Final = 60
REACH: Final = {"first": 3000.0, "further": 200.0}  # ms; loaded after the page, so nobody waits for it
_ENGLISH: Final = """
    transfer stuck pending swap fee gas wallet address export history csv token balance missing approve revoke
    bridge network tron solana polygon update crash login password face unlock import restore phrase hardware
    ledger scan code camera notification price chart stake unstake reward deposit withdraw exchange memo confirm
    slow refund support answer nobody screen dark theme currency euro dollar custom list add remove rename
    account second phone"""
_CHINESE: Final = """
    转账 没到账 卡住 兑换 手续费 矿工费 钱包 地址 导出 记录 代币 余额 不显示 授权 取消 跨链 网络 波场 更新 闪退
    登录 密码 指纹 解锁 导入 恢复 硬件 扫码 黑屏 通知 行情 价格 质押 赎回 奖励 充值 提现 交易所 标签 确认 太慢
    退款 客服 没人 回复 深色 模式 货币 添加 删除 改名 账户 手机 电脑"""
_MACROS: Final = (
    "CREATE TEMP MACRO id_of(kind, n) AS CAST(md5(kind || n) AS UUID)",
    "CREATE TEMP MACRO at_of(n) AS TIMESTAMPTZ '2024-01-01' + to_seconds(CAST(60 * n AS BIGINT))",
    "CREATE TEMP MACRO seven(words, n) AS "
    "list_transform(range(7), lambda i: words[1 + CAST(hash(n * 31 + i) % len(words) AS INTEGER)])",
)
_QUESTION: Final = """CREATE TEMP TABLE asked AS
SELECT n, n % 2 = 0 AS english, n % 3 = 0 AS answered, id_of('inquiry', n) AS inquiry_id,
    id_of('thread', n) AS thread_id, id_of('person', n % 100000) AS person_id, at_of(n) AS moment,
    CASE WHEN n % 2 = 0 THEN array_to_string(seven($english, n), ' ')
        ELSE array_to_string(seven($chinese, n), '，') END AS text
FROM range($inquiries) AS t(n)"""
_POSTS: Final = """INSERT INTO post BY NAME
SELECT id_of($kind, n) AS post_id, 'bench' AS space, $kind || n AS native_id, 'bench' AS source, thread_id,
    person_id AS account_id, moment + to_seconds(CAST($later AS BIGINT)) AS posted_at, 0 AS native_order,
    moment AS seen_at, 1 AS version,
    CASE WHEN $staff THEN 'Please open the settings, and look there for ' || text ELSE text END AS text,
    CASE WHEN $staff THEN '' ELSE text END AS search_text, CASE WHEN english THEN 'en' ELSE 'zh-Hans' END AS lang,
    true AS public, $staff AS staff, false AS backfill, '{"entities": {}}' AS facts, inquiry_id
FROM asked WHERE answered OR NOT $staff ORDER BY n"""
_INQUIRIES: Final = """INSERT INTO {table} BY NAME
SELECT inquiry_id, upper(left(md5('code' || n), 7)) AS code, 'bench' AS source, 'telegram' AS channel, thread_id,
    person_id, '{state}' AS state, moment AS opened_at, moment AS last_post_at,
    CASE WHEN answered THEN moment + INTERVAL 10 MINUTE END AS answered_at, moment AS seen_at, 1 AS posts, 1 AS asked,
    'question' AS kind, CASE WHEN english THEN 'en' ELSE 'zh-Hans' END AS lang, true AS public, false AS backfill,
    false AS secret, n % 9 = 0 AS thanks, 0 AS deleted, id_of('asked', n) AS lead_post_id, text AS excerpt,
    '[]' AS reasons, 10.0 AS points, 0.0 AS wait_per_hour, 0.0 AS wait_cap, 1 AS scoring_version, 1 AS ver
FROM asked WHERE n {where} ORDER BY n"""
_ACCOUNTS: Final = """INSERT INTO account BY NAME
SELECT DISTINCT person_id AS account_id, 'bench' AS space, CAST(person_id AS VARCHAR) AS native_id,
    'Somebody' AS name, 'customer' AS role, person_id
FROM asked"""


def measure(inquiries: int = INQUIRIES, opened: int = OPEN, asked: int = ASKED) -> Iterator[Figure]:
    with TemporaryDirectory(prefix="bench-suggest-") as folder:
        db = Database(Path(folder) / "inquiries.duckdb")
        try:
            db.submit(lambda con: _fill(con, inquiries, opened)).result()
            yield from _measured(db, inquiries, asked)
        finally:
            db.close()


def _fill(con: Connection, inquiries: int, opened: int) -> None:
    for macro in _MACROS:
        con.execute(macro)
    words = {"english": _ENGLISH.split(), "chinese": _CHINESE.split()}
    con.execute(_QUESTION, {**words, "inquiries": inquiries})
    con.execute(_POSTS, {"kind": "asked", "later": 0, "staff": False})
    con.execute(_POSTS, {"kind": "told", "later": 600, "staff": True})
    con.execute(_INQUIRIES.format(table="inquiry_closed", state="closed", where=f"< {inquiries - opened}"))
    con.execute(_INQUIRIES.format(table="inquiry_open", state="new", where=f">= {inquiries - opened}"))
    con.execute(_ACCOUNTS)
    con.execute("DROP TABLE asked")


def _measured(db: Database, inquiries: int, asked: int) -> Iterator[Figure]:
    similar, shown = Similar(), 0
    times: list[float] = []
    processor: list[float] = []
    columns = "inquiry_id, lead_post_id, person_id, lang, kind, opened_at"
    for inquiry, lead, person, lang, kind, opened in db.query(f"SELECT {columns} FROM inquiry_open LIMIT ?", [asked]):
        began, busy = time.perf_counter(), time.process_time()
        with db.reading() as cursor:
            question = question_of(cursor, inquiry.bytes, lead.bytes, lang, kind, opened)
            shown += len(suggestions(cursor, similar, question, person.bytes))
        times.append((time.perf_counter() - began) * 1000)
        processor.append((time.process_time() - busy) * 1000)
    beside: dict[str, object] = {"inquiries": inquiries, "shown": round(shown / len(times), 1)}
    cpu = {"cpu_ms": round(processor[0], 1)}
    yield Figure("suggesting", "the first time", round(times[0], 1), "ms", REACH["first"], beside | cpu)
    further = times[8:]  # the newest 20,000 have been read by then
    beside |= {"p50": round(median(further), 1), "cpu_ms": round(median(processor[8:]), 1)}
    later = round(percentile(further, 95), 1)
    yield Figure("suggesting", "further times: p95", later, "ms", REACH["further"], beside)


if __name__ == "__main__":
    print_figures(measure())
