"""An incident's name as a sentence: what fails, on which chain, of which version. It is made of stored fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aggregator.web.i18n import N_, Lang, catalogue
from aggregator.web.safe_text import unlinked

FAILS = {
    "phishing": N_("a site poses as ours"),
    "impostor": N_("somebody poses as our support"),
    "card": N_("card payments fail"),
    "bridge": N_("bridging fails"),
    "nft": N_("NFTs are not shown or fail"),
    "staking": N_("staking or rewards fail"),
    "approval": N_("approvals fail"),
    "kyc": N_("identity checks fail"),
    "hardware": N_("hardware wallets fail"),
    "swap": N_("swaps fail"),
    "withdraw": N_("withdrawals fail"),
    "deposit": N_("deposits are missing"),
    "code": N_("verification codes do not come"),
    "biometric": N_("fingerprint or face unlock fails"),
    "login": N_("signing in fails"),
    "restore": N_("importing or restoring a wallet fails"),
    "connect": N_("connecting to dapps fails"),
    "notification": N_("notifications fail"),
    "price": N_("prices are wrong"),
    "buy": N_("buying fails"),
    "app_start": N_("the app does not start"),
    "update": N_("updating fails"),
    "fee": N_("fees are wrong"),
    "history": N_("the history is wrong"),
    "balance": N_("balances are wrong"),
    "transfer": N_("transfers fail"),
}
SOMETHING = N_("something fails")
ON_CHAIN = N_("%(what)s on %(chain)s")
ERROR = N_("error %(code)s")
_DETAILS = {"version": "v", "error": "", "token": "", "os": "", "domain": "", "handle": "@"}  # what stands before each
STATES = {"open": N_("under way"), "ended": N_("ended"), "merged": N_("merged")}
END_REASONS = {"quiet": N_("nobody reports it any more"), "person": N_("a colleague ended it")}
WHYS = {
    "fields": N_("names the same things"),
    "similar": N_("fits best, also by its words"),
    "reply": N_("answers a report"),
    "thread": N_("speaks in the same thread"),
    "person": N_("a colleague put it in"),
    "merged": N_("came with a merged incident"),
}
LEFT = {
    "person": N_("a colleague took it out"),
    "split": N_("split off"),
    "merged": N_("merged"),
    "moved": N_("belongs to another incident now"),
}
DONE = {
    "begin": N_("noticed it"),
    "end": N_("ended it"),
    "reopen": N_("reopened it"),
    "remove": N_("took inquiries out"),
    "add": N_("put inquiries in"),
    "split": N_("split it"),
    "merge": N_("merged it"),
    "unmerge": N_("undid the merging"),
    "notice": N_("changed the notice"),
    "answer": N_("answered all who wait"),
}
_SPELLED = {
    "bsc": "BNB Chain", "ton": "TON", "zksync": "zkSync", "ios": "iOS", "android": "Android", "web": "Web",
    "desktop": "Desktop",
}  # fmt: skip


def sentence(fields: Mapping[str, Any], lang: Lang) -> str:
    """ "swaps fail on Arbitrum, v2.1.3" """
    gettext = catalogue(lang).gettext
    what = gettext(FAILS.get(fields.get("feature", ""), SOMETHING))
    if chains := fields.get("chain"):
        *others, last = (_spelled("chain", one) for one in chains)
        listed = "".join(gettext("%(said)s, ") % {"said": one} for one in others) + last
        what = gettext(ON_CHAIN) % {"what": what, "chain": listed}
    details = [
        gettext(ERROR) % {"code": one} if name == "error" else before + _spelled(name, one)
        for name, before in _DETAILS.items()
        for one in fields.get(name, ())
    ]
    return gettext(", ").join([what, *details])


def for_chats(fields: Mapping[str, Any], lang: Lang) -> str:
    """The same, so that no chat leads to a site that poses as ours, or calls an impostor in."""
    return unlinked(sentence(fields, lang))


def _spelled(name: str, value: str) -> str:
    if name == "token":
        return value.upper()
    if name in ("chain", "os"):
        return _SPELLED.get(value, value.capitalize())
    return value
