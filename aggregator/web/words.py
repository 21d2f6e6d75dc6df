"""Words for what the database calls by a name. Sentences come from the catalogues, so a row stores none."""

from __future__ import annotations

from aggregator.web import composer_words, incident_words, reply_words
from aggregator.web.i18n import N_

RULES = {
    "key_exposed": N_("key or phrase exposed"),
    "security_report": N_("reports a security hole"),
    "funds_missing": N_("funds missing or stuck"),
    "app_down": N_("app or service down"),
    "account_locked": N_("locked out of the wallet"),
    "impersonation_report": N_("reports an impostor"),
    "defect": N_("something does not work"),
    "fee_problem": N_("trouble with fees"),
    "question": N_("asks a question"),
    "suggestion": N_("suggests something"),
    "praise": N_("praise"),
    "noise": N_("noise"),
    "danger_to_life": N_("somebody may be in danger"),
    "key_given": N_("gave a key or phrase to somebody"),
    "funds_stolen": N_("funds stolen"),
    "accusation": N_("accuses us"),
    "complaint": N_("complains"),
    "pending": N_("something is pending"),
    "worried": N_("worried about funds"),
    "reads_emergency": N_("reads like an emergency"),
    "reads_serious": N_("reads like something serious"),
    "reads_fault": N_("reads like an ordinary fault"),
    "reads_minor": N_("reads like something minor"),
    "threat": N_("threatens us"),
    "threat_legal": N_("threatens with the law"),
    "threat_regulator": N_("threatens with a regulator"),
    "threat_media": N_("threatens with the media"),
    "unanswered_said": N_("says that nobody answered"),
    "many_affected": N_("says that many are affected"),
    "anger": N_("angry"),
    "urgency": N_("urgent in their words"),
    "bait": N_("looks like bait"),
    "thanks": N_("thanks"),
    "public": N_("everybody can read it"),
    "reach": N_("has many readers"),
    "waiting": N_("waiting for us"),
    "overdue": N_("our promise ran out"),
    "repeat_contact": N_("waits in other places, too"),
    "first_contact": N_("has waited elsewhere before"),
    "approached": N_("approached by an impostor"),
    "incident_size": N_("many report the same"),
    "asked_again": N_("asked again"),
    "asked_three_times": N_("asked three times or more"),
    "answered": N_("we answered"),
    "promised": N_("we answered, and promised to come back"),
    "said_thanks": N_("said thanks"),
    "awaiting": N_("we wait for the customer"),
    "band_set": N_("band set by a colleague"),
}
SLOTS = {
    "problem": N_("what goes wrong"),
    "account": N_("account or address"),
    "tx": N_("transaction ID"),
    "time": N_("time"),
    "device": N_("device"),
    "version": N_("version"),
    "screenshot": N_("screenshot"),
}
KINDS = {
    "emergency": N_("emergency"),
    "complaint": N_("complaint"),
    "question": N_("question"),
    "praise": N_("praise"),
    "noise": N_("noise"),
    "other": N_("other"),
}
STATES = {
    "new": N_("new"),
    "claimed": N_("claimed"),
    "waiting": N_("waiting for the customer"),
    "answered": N_("answered"),
    "snoozed": N_("snoozed"),
    "closed": N_("closed"),
}
CLOCKS = {
    "first_answer": N_("first answer"),
    "next_answer": N_("next answer"),
    "promise": N_("our promise"),
}
CHANNELS = {
    "telegram": N_("Telegram"),
    "forum": N_("Forum"),
    "discourse": N_("Forum"),
    "weibo": N_("Weibo"),
    "wechat": N_("WeChat"),
    "qq": N_("QQ"),
    "email": N_("Mail"),
    "chat": N_("Chat"),
    "feed": N_("Web feed"),
    "reviews": N_("App reviews"),
}
LANGUAGES = {
    "zh": N_("Chinese"),
    "zh-Hans": N_("Chinese"),
    "zh-Hant": N_("Chinese, traditional"),
    "en": N_("English"),
    "ru": N_("Russian"),
    "uk": N_("Ukrainian"),
    "es": N_("Spanish"),
    "pt": N_("Portuguese"),
    "fr": N_("French"),
    "de": N_("German"),
    "it": N_("Italian"),
    "nl": N_("Dutch"),
    "pl": N_("Polish"),
    "tr": N_("Turkish"),
    "id": N_("Indonesian"),
    "vi": N_("Vietnamese"),
    "th": N_("Thai"),
    "hi": N_("Hindi"),
    "ar": N_("Arabic"),
    "ja": N_("Japanese"),
    "ko": N_("Korean"),
    "und": N_("unknown language"),
}
SOURCE_STATES = {
    "ok": N_("ok"),
    "silent": N_("unusually silent"),
    "failing": N_("failing"),
    "stopped": N_("stopped"),
    "paused": N_("paused"),
    "off": N_("off"),
}
BLIND = {
    "edits": N_("edits"),
    "deletions": N_("deletions"),
    "history": N_("what was said before we listened"),
}
ROLES = {
    "customer": N_("customer"),
    "staff": N_("our team"),
    "official": N_("our account"),
    "bot": N_("bot"),
}
DESK_ROLES = {
    "viewer": N_("viewer"),
    "agent": N_("agent"),
    "lead": N_("lead"),
    "admin": N_("admin"),
}
DESK_DONE = {
    "invite": N_("added"),
    "link": N_("made a new sign-in link for"),
    "role": N_("changed the role of"),
    "remove": N_("removed"),
    "sign_out": N_("signed out everywhere:"),
    "token": N_("made a token for"),
    "revoke": N_("revoked a token of"),
}
SCOPES = {
    "read": N_("read"),
    "act": N_("act and answer"),
    "sql": N_("query live with SQL"),
}
CLOSE_REASONS = {
    "resolved": N_("resolved"),
    "answered_elsewhere": N_("answered elsewhere"),
    "duplicate": N_("duplicate"),
    "spam": N_("spam or scam"),
    "no_action": N_("nothing to do"),
    "quiet": N_("quiet for three days"),
}
LEVELS = {
    "same": N_("same account"),
    "verified": N_("verified"),
    "claimed": N_("claimed, not proved"),
    "suggested": N_("only suggested"),
    "undone": N_("somebody else"),
}
EVIDENCE = {
    "mail": N_("mail address"),
    "app": N_("id in our app"),
    "tx": N_("transaction"),
    "address": N_("wallet address"),
    "name": N_("name"),
}
POSES = {
    "name": N_("name near ours"),
    "role": N_("calls itself a helpdesk"),
    "lure": N_("leads people away"),
}

REFUSALS = reply_words.REFUSALS
DRAFT_KEPT, SNIPPET_LANGUAGES = composer_words.DRAFT_KEPT, composer_words.SNIPPET_LANGUAGES

INCIDENT_STATES = incident_words.STATES
END_REASONS = incident_words.END_REASONS
WHYS, LEFT = incident_words.WHYS, incident_words.LEFT
INCIDENT_DONE = incident_words.DONE

# What scripts say. They fetch it as one file (pages.py).
SCRIPT = {
    "new_rows": N_("{n} new"),
    "overdue": N_("overdue {time}"),
    "claimed_by": N_("claimed by {who}"),
    "now_state": N_("now {state}"),
    "left_view": N_("no longer in this view"),
    "gone": N_("erased"),
    "copied": N_("Copied"),
    "not_copied": N_("Your browser did not let us copy; select the text and copy it"),
    "undo": N_("Undo"),
    "not_sent": N_("Not sent: {why}"),
    "answer_undone": N_("Taken back; your text is in the box again"),
    "left_characters": N_("{n} of {longest}"),
    "undone": N_("Undone"),
    "ask": N_("Ask {who}"),
    "take": N_("Take over"),
    "yes": N_("Yes"),
    "no": N_("No"),
    "shut": N_("Close this list"),
    "told_take": N_("{who} took {code} over from you"),
    "told_assign": N_("{who} assigned {code} to you"),
    "told_refused": N_("Your answer to {code} was not sent"),
    "told_unknown": N_("Your answer to {code} may not have arrived"),
    "told_ask": N_("{who} asks: may I have {code}?"),
    "nothing_to_undo": N_("There is nothing to undo"),
    "open": N_("Open"),
    "failed": N_("That did not work ({status}); the row is as it was"),
    "no_connection": N_("No connection to the server; nothing was changed"),
    "session_over": N_("Your session is over"),
    "sign_in": N_("Sign in again"),
    "offline": N_("Offline since {time}, trying again"),
    "back": N_("Connected again, list brought up to date"),
    "new_build": N_("A new version is there"),
    "reload": N_("Reload"),
    "show": N_("Show"),
    "changed_here": N_("There is something new here"),
    "all_shown": N_("That is all"),
    "loading": N_("Loading"),
    "minutes_short": N_("{n}m"),
    "hours_short": N_("{n}h"),
    "days_short": N_("{n}d"),
    "seconds_short": N_("{n}s"),
}
SCRIPT |= composer_words.SCRIPT
