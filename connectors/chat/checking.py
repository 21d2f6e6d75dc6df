"""What `aggregator check --connect` says of a desk."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Sequence
from datetime import UTC, datetime

from connectors.chat.chatwoot import Chatwoot, Walk
from connectors.contract import Finding
from connectors.errors import AuthError, ConnectorError, SourceGoneError
from connectors.secret import Secret
from connectors.session import Session
from connectors.wording import worded

HEADER_LOST = "; if it is right, a proxy drops the header api_access_token (nginx: underscores_in_headers on)"


def of_calls(secrets: Sequence[Secret], url_token: Secret | None, *, polled: bool, where: str) -> Iterator[Finding]:
    """How we are called. where: the path that the other side has to call."""
    for secret in secrets:
        if why := secret.missing():
            yield Finding("failed", f"calls cannot be checked: {why}")
    if url_token:
        why = url_token.missing()
        yield Finding(
            "failed" if why else "warning", f"calls are not signed, only the address is secret: {why or where}"
        )
    elif secrets:
        yield Finding("ok", f"signed calls are taken at {where}")
    else:
        yield Finding(
            "warning", "nobody may call us: new messages, edits and deletions are seen by polling, or not at all"
        )
    if not polled:
        yield Finding("warning", "no token: what a call does not bring, and the other side does not repeat, is lost")


async def of_chatwoot(session: Session, desk: Chatwoot) -> AsyncGenerator[Finding, None]:
    try:
        me = await session.get_json("/api/v1/profile")
    except AuthError as error:
        raise AuthError(f"{error}{HEADER_LOST}") from error
    accounts = {each.get("id"): each.get("role") for each in me.get("accounts", ())}
    if desk.account not in accounts:
        yield Finding("failed", f"account {desk.account} is not one of {me.get('name')}'s: {sorted(accounts)}")
        return
    role = accounts[desk.account]
    seen = worded("every inbox" if role == "administrator" else "only the inboxes that this colleague was added to")
    yield Finding("ok" if role == "administrator" else "warning", f"acting for {me.get('name')} ({role}): sees {seen}")
    listed = await session.get_json(f"/api/v1/accounts/{desk.account}/inboxes")
    inboxes = {each["id"]: each.get("name") for each in listed["payload"]}
    for inbox in sorted(desk.inboxes - inboxes.keys()):
        yield Finding("failed", f"inbox {inbox} cannot be read: add this colleague to it, or correct its id")
    names = ", ".join(
        f"{number} {name}" for number, name in sorted(inboxes.items()) if not desk.inboxes or number in desk.inboxes
    )
    yield Finding("ok", f"inboxes: {names or 'none'}")
    rows = await Walk.of(session, desk, datetime.now(UTC), None).conversations(1)
    yield _newest([row.get("last_activity_at") for row in rows])


async def of_intercom(session: Session) -> AsyncGenerator[Finding, None]:
    me = await session.get_json("/me")
    app = me.get("app") or {}
    yield Finding("ok", f"acting for {me.get('name')} in {app.get('name')} (app id {app.get('id_code')})")
    listed = await session.get_json("/conversations", per_page=1)
    yield _newest([row.get("updated_at") for row in listed.get("conversations", ())])


def _newest(times: Sequence[object]) -> Finding:
    told = [at for at in times if isinstance(at, int | float)]
    if not told:
        return Finding("warning", "no conversation is listed")
    return Finding("ok", f"the newest message is of {datetime.fromtimestamp(max(told), UTC):%Y-%m-%d %H:%M} UTC")


async def of_answers(session: Session) -> Finding:
    """Whether the app's backend would take an answer: it is asked for one that never was."""
    try:
        await session.get_json("", gone=True, id="check")
    except SourceGoneError:
        return Finding("ok", "answers are taken at reply_url")
    except AuthError:
        return Finding("failed", "reply_url refuses our signature: is its secret the same as ours?")
    except ConnectorError as error:
        return Finding("failed", f"answers cannot be sent to reply_url: {error}")
    return Finding("warning", "reply_url knows an answer that was never sent: does it tell ids apart?")
