"""What colleagues do with inquiries, and taking it back. One place for the words that server and scripts exchange.

All writes are POST with the session's token (`x-csrf`, or `csrf` in a form). With `accept: application/json` the answer
is JSON as below; without it a plain form is answered by leading back (`back`), or by a page that says why not.

One inquiry: `POST /inquiry/{id}/{what}`, fields `ver` (the version that the person saw) and, by `what`:

    claim, release, take, wait, reopen, part, unread, ask   nothing more
    assign   to: a user name, or `me`
    snooze   until: `1h`, `tomorrow`, `monday` (both 9:00), or `2026-03-16T09:00` in the team's zone
    close    reason: one of words.CLOSE_REASONS
    label    kind: one of words.KINDS; tags: `vip,ios` instead of all there are; add: `vip` besides these.
             What is left out stays as it is
    band     band: P0-P3, or `computed`; reason: required, of P0-P3
    note     text
    merge    into: `INC-7`, or 7
    flag     target: `link:evil.example/claim`, which stands in a post, or `account:<id>`, who speaks there; reason

    200  {"facts", "html", "said", "undo": {"url", "body"} | null}      `undo`: POST that, and it is taken back
    409  {"facts", "html", "said", "owner", "take": bool}               somebody was quicker; `take`: may be taken over
    400  {"facts", "html", "said"}    403  the same    404

`take` takes over what a colleague has claimed; `part` takes it out of its incident; `unread` concerns only oneself;
`ask` asks the owner for it. What is so already is left as it is, and is no error; nor is it a conflict that this person
changed the inquiry since that version, in another tab or with the key before.

Many at once: `POST /bulk`, a JSON body (or a form with `item=<id>:<ver>` for each):

    {"what", "details": {...as above}, "items": [{"id", "ver"}, ...]}
    {"what", "details": {...},         "query": "state=new&channel=qq", "as_of": 1773475200.0}     all that match

    200  {"said": "38 claimed, 2 were amy's", "done": 38, "same": 0,
          "refused": [{"id", "code", "owner", "said"}], "rows": {id: {"facts", "html"}}, "undo": {...} | null}
    200  {"ask": {"count": 1284, "said": "Claim 1,284 inquiries?"}}     nothing was done: more than 50 want a yes, which
                                                                        is the same again with "sure": 1284

`what` is any of the above but note, flag, take, unread, ask; each is done, or refused, for itself. `rows` holds at most
200.

Taking back: `POST /undo`, a JSON body or a form with `event`, or `batch`, or neither: then the last thing that this
person did within ten minutes. `GET /recent` lists these, as a page or as {"actions": [...]}.

    200  {"said", "done": 1, "refused": [...], "rows": {...}}           `done` 0: `said` tells why not

Small dialogs: `GET /inquiry/{id}/do/{what}` and `GET /bulk/do/{what}` are pages; with `?part=1` only their form.
In scripts all of this is `static/doings.js`: `act` and `ask` for one, `actOnMany` and `askForMany` for many, `undo`,
`keysFor`. Whatever has changed is told as an event `did` of the document: `detail` is {id, what, status, answer}, where
`answer` holds `facts` and `html`. A listener that has to fetch something hands its promise to `wait`, so that the next
key finds the new version.
"""
