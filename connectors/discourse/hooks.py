"""A forum's webhook call: is it genuine, and what did it bring?"""

from __future__ import annotations

import hashlib
import hmac

from connectors.contract import Push, Received
from connectors.errors import PushRefusedError
from connectors.secret import Secret
from connectors.session import parse_json

POST_EVENTS = frozenset({"post_created", "post_edited", "post_destroyed", "post_recovered"})


def receive(push: Push, secret: Secret, *, private_messages: bool) -> Received:
    """Unpack a call signed with `secret`. Of a private message it only tells that
    there is something to fetch, if they are wanted.

    The body is JSON, whichever content type the forum is set to send.

    Raises:
        AuthError: the secret cannot be read.
        PushRefusedError: its signature is absent or wrong, or what was signed is no JSON object.
    """

    def signed(secret: str) -> str:  # over the bytes: the forum writes JSON otherwise than we would
        return "sha256=" + hmac.new(secret.encode(), push.body, hashlib.sha256).hexdigest()

    if not secret.proves(push.headers.get("x-discourse-event-signature", ""), signed):
        raise PushRefusedError("a webhook call does not bear our signature: is its secret the same as the forum's?")
    try:
        body = parse_json(push.body)
    except ValueError as error:
        raise PushRefusedError("a signed webhook call is no JSON", status=400) from error
    event = push.headers.get("x-discourse-event", "")
    post = body.get("post") if isinstance(body, dict) else None
    if event not in POST_EVENTS or not isinstance(post, dict):
        return Received([])
    if post.get("topic_archetype") == "private_message":
        # The forum tells of everybody's (`WebHook.enqueue_post_hooks`); the listing holds what our user may read.
        return Received([], poll=private_messages)
    return Received([{"event": event, "post": post}])
