"""The calls that WeChat makes to us: are they genuine, and what do they say?

https://developers.weixin.qq.com/doc/offiaccount/Basic_Information/Access_Overview.html
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from connectors.contract import Finding, Push, Record
from connectors.errors import AuthError, PushRefusedError
from connectors.secret import Secret
from connectors.wechat_api.crypto import Envelope, signature
from connectors.wechat_api.message import composed, parsed

# A repeated call bears its first timestamp. In plain mode the signature does not cover the body, so that a signature
# which somebody saw once would open the door for ever; else it can only bring again what it brought.
SKEW = timedelta(hours=1)
COVERED_SKEW = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Callbacks:
    """One account's door.

    owner: the appid or corpid, to which encrypted messages are addressed.
    aes_key: None: plain mode. With a key a plain body is refused, whatever its signature.
    encrypted_echo: the call that verifies the address is encrypted too (WeChat customer service).
    """

    token: Secret
    aes_key: Secret | None
    owner: str
    clock: Callable[[], datetime]
    encrypted_echo: bool = False

    def echo(self, push: Push) -> bytes:
        """What to answer the GET that verifies our address: exactly this, without quotes or a line break.

        Raises:
            PushRefusedError: it does not come from WeChat.
        """
        told = push.query.get("echostr", "")
        if not self.encrypted_echo:
            self._check(push, "signature")
            return told.encode()
        self._check(push, "msg_signature", told)
        return self._opened(told)

    def message(self, push: Push) -> Record:
        """The fields of a POST; `{"unreadable": text}` where WeChat itself sent what cannot be parsed.

        Raises:
            PushRefusedError: it does not come from WeChat, or not to us.
        """
        if self.aes_key is None:
            self._check(push, "signature")
            return self._plain(push.body)
        try:
            sealed = parsed(push.body).get("Encrypt")
        except ValueError as error:
            raise PushRefusedError(f"a callback that cannot be read: {error}", status=400) from None
        if not isinstance(sealed, str):
            raise PushRefusedError("a callback that is not encrypted: set the account's message mode to safe")
        self._check(push, "msg_signature", sealed)
        return _readable(self._opened(sealed))

    def reply(self, **fields: str | int) -> bytes:
        """An answer in the same call, encrypted where the calls are."""
        plain = composed(**fields)
        if self.aes_key is None:
            return plain
        sealed, nonce = self._envelope(self.aes_key.reveal()).sealed(plain), secrets.token_hex(8)
        timestamp = int(self.clock().timestamp())
        signed = signature(self.token.reveal(), str(timestamp), nonce, sealed)
        return composed(Encrypt=sealed, MsgSignature=signed, TimeStamp=timestamp, Nonce=nonce)

    def findings(self) -> list[Finding]:
        """What `check` has to say of the door."""
        if why := self.token.missing():
            return [Finding("failed", f"callback_token: {why}")]
        if self.aes_key is None:
            return [
                Finding(
                    "warning", "callbacks come in plain mode, whose signature does not cover the message: use safe mode"
                )
            ]
        try:
            self._envelope(self.aes_key.reveal())
        except AuthError as error:
            return [Finding("failed", str(error))]
        return [Finding("ok", "callbacks are expected encrypted")]

    def _plain(self, body: bytes) -> Record:
        fields = _readable(body)
        if "Encrypt" in fields and "MsgType" not in fields:
            raise PushRefusedError("an encrypted callback came, but encoding_aes_key is not configured", status=503)
        return fields

    def _check(self, push: Push, name: str, *body: str) -> None:
        query = push.query
        parts = (query.get("timestamp", ""), query.get("nonce", ""), *body)
        try:
            genuine = self.token.proves(query.get(name, ""), lambda token: signature(token, *parts))
        except AuthError as error:
            # 503, so that WeChat comes again and the operator sees why.
            raise PushRefusedError(f"a callback cannot be checked: {error}", status=503) from error
        if not genuine:
            raise PushRefusedError(f"a callback without our signature: is {self.token} the token set at WeChat?")
        if self._is_stale(parts[0], COVERED_SKEW if body else SKEW):
            raise PushRefusedError("a callback whose signature is too old: is our clock right?")

    def _is_stale(self, timestamp: str, skew: timedelta) -> bool:
        try:
            said = datetime.fromtimestamp(int(timestamp), UTC)
        except (ValueError, OverflowError, OSError):
            return True
        return abs(self.clock() - said) > skew

    def _opened(self, sealed: str) -> bytes:
        assert self.aes_key is not None
        try:
            envelopes = [self._envelope(key) for key in self.aes_key.accepted()]
        except AuthError as error:
            raise PushRefusedError(f"a callback cannot be decrypted: {error}", status=503) from error
        why = ""
        for envelope in envelopes:
            try:
                return envelope.opened(sealed)
            except ValueError as error:
                why = why or str(error)
        raise PushRefusedError(f"a signed callback cannot be decrypted: {why}")

    def _envelope(self, key: str) -> Envelope:
        try:
            return Envelope(key, self.owner)
        except ValueError as error:
            raise AuthError(f"{self.aes_key} cannot be used: {error}") from None


def _readable(body: bytes) -> Record:
    try:
        return parsed(body)
    except ValueError:
        return {"unreadable": body.decode("utf-8", "replace")}
