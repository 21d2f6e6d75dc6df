"""What the commands do, each one function: beside a running service or with the file to themselves.

Arguments and results are plain JSON, since they may cross a socket (aggregator/control.py).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from aggregator.alerting.serving import deliver_once
from aggregator.analysts.export import Export, StoppedError
from aggregator.backup import back_up
from aggregator.config import Bands
from aggregator.control import Handler, MisusedError, RefusedError, Say
from aggregator.digesting import digest_of
from aggregator.housekeeping import compact, erase_person, keep_what_may_be_kept
from aggregator.importer.files import File, ImportFileError, WrongColumnsError
from aggregator.importer.importing import MOST_TOLD, import_file
from aggregator.importer.workers import Workers, workers_for
from aggregator.inquiry import shown
from aggregator.keeping.copies import note_copy
from aggregator.leasing import one_of_all
from aggregator.poller import WELL, unread_told
from aggregator.replay import replay
from aggregator.resuming import code_and_settings
from aggregator.store.filters import Filters
from aggregator.store.listing import feed_page
from aggregator.store.reading import FeedRow
from aggregator.store.source_reports import source_reports
from aggregator.store.sources import FenceLostError
from aggregator.weighing import weigh_again
from aggregator.workplace import Workplace

DELIVERIES = "webhooks and alerts"
"""Beside the names of sources in what `poll` answers, none of which has a space in it."""
_ALREADY = "this import is already running: another one into {source} has not ended yet; run it again when it has"


def handlers(work: Workplace, *, alone: bool = False, workers: Workers | None = None) -> Mapping[str, Handler]:
    """The commands by name.

    Args:
        alone: no service is at work, which would tell others of what is found.
        workers: of an import, begun before the database was open.
    """
    importing: set[str] = set()  # sources

    async def import_(arguments: dict[str, Any], say: Say) -> dict[str, Any]:
        """arguments: files (absolute paths), source, map, encoding."""
        source = arguments["source"]
        if not source.strip():
            raise MisusedError("--source is empty; give the import a name")
        if source in work.settings.sources:
            raise MisusedError(
                f"{source} is a source that connectors.yaml polls; give the import a name of its own with --source"
            )
        if source in importing:
            raise RefusedError(_ALREADY.format(source=source))
        importing.add(source)
        try:
            return await import_all(arguments, source, say)
        except FenceLostError as error:  # by another process, over a lake
            raise RefusedError(_ALREADY.format(source=source)) from error
        finally:
            importing.discard(source)

    async def import_all(arguments: dict[str, Any], source: str, say: Say) -> dict[str, Any]:
        sums = {"records": 0, "new": 0, "edited": 0, "rejected": 0, "inquiries": 0}
        why: list[str] = []
        for name in arguments["files"]:
            file = File(Path(name), arguments["map"], arguments["encoding"])
            try:
                with workers_for([file.path], workers) as readers:
                    outcome = await import_file(
                        work.ingest,
                        file,
                        source,
                        lambda what, done, total: say({"progress": [what, done, total]}),
                        workers=readers,
                        alone=alone,
                    )
            except WrongColumnsError as error:
                raise MisusedError(str(error)) from error
            except (ImportFileError, OSError) as error:
                raise RefusedError(str(error)) from error
            for key, count in (
                ("records", outcome.records),
                ("new", outcome.new),
                ("edited", outcome.edited),
                ("rejected", outcome.rejected),
                ("inquiries", outcome.inquiries),
            ):
                sums[key] += count
            why += outcome.why
        return {**sums, "why": why[:MOST_TOLD]}

    async def replay_(arguments: dict[str, Any], say: Say) -> dict[str, Any]:
        """arguments: shard (which of how many; left out: all)."""
        share = _share(work, arguments)
        by = await asyncio.to_thread(code_and_settings, work.settings, work.connectors.values())
        async with one_of_all(work, f"@replay-{share[0]}/{share[1]}") as alone:
            if not alone:
                raise RefusedError("another process replays this share, or was killed doing so; try again in a minute")
            result = await replay(
                work.ingest,
                work.readers(),
                lambda done, total: say({"progress": ["posts", done, total]}),
                share=share,
                by=by,
            )
        return {**asdict(result), "unknown_sources": sorted(result.unknown_sources)}

    async def rescore(arguments: dict[str, Any], say: Say) -> dict[str, Any]:
        """arguments: shard (which of how many; left out: all)."""
        result = await weigh_again(
            work.db,
            work.settings,
            work.clock(),
            lambda done, total: say({"progress": ["inquiries", done, total]}),
            share=_share(work, arguments),
        )
        return asdict(result)

    async def poll(arguments: dict[str, Any], say: Say) -> dict[str, Any]:
        """arguments: sources (names; empty: all). One pass over each; then, alone, what others are to be told."""
        wanted = list(dict.fromkeys(arguments["sources"])) or list(work.poller.sources)
        if unknown := [name for name in wanted if name not in work.poller.sources]:
            raise MisusedError(
                f"no such source to poll: {', '.join(unknown)}; there are {', '.join(work.poller.sources) or 'none'}"
            )

        async def one(name: str) -> tuple[str, dict[str, Any]]:
            source = work.poller.sources[name]
            await work.poller.poll(source, once=True)
            is_well = source.state in WELL and not source.unread.is_trouble
            message = source.message or "; ".join(unread_told(source.unread))
            say({"line": f"{name}: {message or 'ok'}"})
            # What a colleague decided is no failure.
            return name, {"ok": is_well or source.state == "paused", "message": message}

        polled = dict(await asyncio.gather(*(one(name) for name in wanted)))
        if alone and work.alerting.is_used:
            await work.ingest.group()  # an incident may begin with what was just read
            sent = await deliver_once(work.db, work.settings, work.clock, work.alerting)
            message = f"{sent.done} delivered" + (f", {sent.left} not: {sent.why}" if sent.left else "")
            say({"line": f"{DELIVERIES}: {message}"})
            polled[DELIVERIES] = {"ok": not sent.left, "message": message}
        return polled

    async def feed(arguments: dict[str, Any], _: Say) -> dict[str, Any]:
        """arguments: limit. The most pressing open inquiries; the terms of each sum to its priority."""
        now, bands = work.clock(), work.settings.bands
        page = await work.db.read(
            lambda con: feed_page(con, Filters(), moment=now, bands=bands, limit=arguments["limit"])
        )
        count = await work.db.read(lambda con: con.execute("SELECT count(*) FROM inquiry_open").fetchone())
        rows = [_row(row, bands) for row in page.rows]
        return {"now": now.isoformat(), "open": count[0] if count else 0, "inquiries": rows}

    async def quotas(_: dict[str, Any], __: Say) -> dict[str, Any]:
        """Calls that the platforms still allowed at the last poll, of those that count."""
        reports = await asyncio.to_thread(source_reports, work.db, work.settings, work.clock())
        return {
            report.source: {**asdict(report.quota), "resets_at": report.quota.resets_at.isoformat()}
            for report in reports
            if report.quota and report.quota.resets_at > work.clock()
        }

    async def backup(arguments: dict[str, Any], _: Say) -> dict[str, Any]:
        """arguments: target (absolute path of a folder that does not exist)."""
        try:
            target, now = Path(arguments["target"]), work.clock()
            made = await asyncio.to_thread(back_up, work.db, work.desk, target, now)
            await work.db.write(lambda con: note_copy(con, target, "backup", now))
            return made
        except OSError as error:
            raise RefusedError(f"{arguments['target']}: {error.strerror}") from error

    async def export(arguments: dict[str, Any], say: Say) -> dict[str, Any]:
        """arguments: target (absolute path of a folder), personal, csv."""
        loop = asyncio.get_running_loop()
        under_way = Export(
            work.db, Path(arguments["target"]), work.clock(), personal=arguments["personal"], csv=arguments["csv"]
        )

        def tell(what: str, done: int, total: int) -> None:
            loop.call_soon_threadsafe(say, {"progress": [what, done, total]})

        run = asyncio.ensure_future(asyncio.to_thread(under_way.run, tell))
        try:
            made = await asyncio.shield(run)
            await work.db.write(lambda con: note_copy(con, under_way.target, "export", under_way.now))
            return made
        except asyncio.CancelledError:
            under_way.stop()
            with suppress(StoppedError, RefusedError, OSError):
                await run
            raise
        except OSError as error:
            raise RefusedError(f"{arguments['target']}: {error.strerror}") from error

    async def compact_(_: dict[str, Any], __: Say) -> dict[str, Any]:
        before = work.size()
        await compact(work)
        return {"bytes_before": before, "bytes_after": work.size()}

    async def erase(arguments: dict[str, Any], _: Say) -> dict[str, Any]:
        """arguments: person, dry_run, logs (absolute paths)."""
        logs = [Path(each) for each in arguments["logs"]]
        return await erase_person(work, arguments["person"], dry_run=arguments["dry_run"], logs=logs)

    async def digest(arguments: dict[str, Any], _: Say) -> dict[str, Any]:
        """arguments: since, lang (None: as configured), form (md, html), mail."""
        try:
            return await digest_of(work, **arguments)
        except ValueError as error:
            raise MisusedError(
                f"--since {error}: write so many days, such as 7d, or a date of the last year"
            ) from error

    async def retain(_: dict[str, Any], __: Say) -> dict[str, Any]:
        kept = await keep_what_may_be_kept(work)
        await work.compact_if_due()
        return {"inquiries": kept.inquiries, "deleted": dict(kept.deleted)}

    return {
        "import": import_,
        "replay": replay_,
        "rescore": rescore,
        "poll": poll,
        "feed": feed,
        "quotas": quotas,
        "backup": backup,
        "compact": compact_,
        "digest": digest,
        "erase": erase,
        "retain": retain,
        "export": export,
    }


def _share(work: Workplace, arguments: Mapping[str, Any]) -> tuple[int, int]:
    number, of = arguments.get("shard", (1, 1))
    if of > 1 and work.settings.lake is None:
        raise MisusedError("--shard is for a lake, which several processes have open (docs/lake.md); a file has one")
    return number, of


def _row(row: FeedRow, bands: Bands) -> dict[str, Any]:
    inquiry, score = row.inquiry, shown(row.priority)
    return {
        "code": inquiry.code,
        "priority": row.priority,
        "score": score,
        "band": bands.of(score),
        "channel": inquiry.channel,
        "kind": inquiry.kind,
        "lang": inquiry.lang,
        "state": inquiry.state,
        "owner": inquiry.owner,
        "author": row.author,
        "title": inquiry.title,
        "excerpt": inquiry.excerpt,
        "opened_at": inquiry.opened_at.isoformat(),
        "waiting_since": inquiry.waiting_since and inquiry.waiting_since.isoformat(),
        "due_at": inquiry.due_at and inquiry.due_at.isoformat(),
        "due_clock": inquiry.due_clock,
        "terms": [{"rule": term.rule, "points": term.points} for term in row.terms],
    }
