"""What the composer says: why an answer is held up, what became of a draft, what snippets are for."""

from __future__ import annotations

from aggregator.web.i18n import N_

OBJECTIONS = {
    "secret": N_("This holds what looks like a recovery phrase or a key. Never send one: take it out."),
    "maybe_key": N_("This may be a private key. If it is none, send it all the same."),
    "asks_secret": N_("This asks for a secret (%(words)s). Nobody of us ever does: write it without."),
    "perhaps_asks_secret": N_("This may read as if we asked for a secret (%(words)s): say that it stays with them."),
    "link": N_("%(words)s is not one of our official domains. An admin can add it to official_domains."),
    "link_untold": N_("Nobody has said which domains are official (official_domains): is %(words)s ours?"),
    "lookalike": N_("%(words)s poses as ours. To warn of it, write it with [.] for the dot."),
    "handle": N_("%(words)s is not one of our accounts, but its name is near ours."),
    "variable": N_("%(words)s is not filled in yet."),
    "language": N_("This is written in another language (%(words)s) than the customer's."),
    "asks_given": N_("They have told this already: %(words)s."),
    "others_id": N_("%(words)s belongs to another customer."),
    "unknown_id": N_("%(words)s has not been named in this conversation: look at every character."),
    "others_name": N_("%(words)s is the name of another customer."),
    "public_private": N_("Everybody can read this answer, and it holds something private: %(words)s."),
    "promises_money": N_("This promises money (%(words)s)."),
    "promises_time": N_("This promises an answer until %(words)s; a clock will run."),
}
DRAFT_KEPT = {
    "tab": N_("written in another tab"),
    "emptied": N_("taken out of the box"),
    "sent": N_("taken back before it was sent"),
}
SNIPPET_LANGUAGES = {
    "zh": N_("Chinese"),
    "en": N_("English"),
    "ja": N_("Japanese"),
    "ko": N_("Korean"),
    "vi": N_("Vietnamese"),
    "ru": N_("Russian"),
    "es": N_("Spanish"),
}

# What scripts say.
SCRIPT = {
    "draft_saving": N_("not saved yet"),
    "draft_saved": N_("draft saved {ago}"),
    "draft_here": N_("kept in this browser; the server is out of reach"),
    "draft_secret": N_("not saved: this looks like a recovery phrase or a key"),
    "written_again": N_("What you had written is here again"),
    "draft_signed_out": N_("kept in this browser; sign in again to save it"),
    "draft_taken": N_("The text is the one that you wrote in another tab"),
    "draft_newer": N_("You have written something newer in another tab"),
    "draft_newer_here": N_("This browser kept another text of yours"),
    "draft_take": N_("Take it"),
    "gaps": N_("Not filled in: "),
    "show_place": N_("Show"),
    "sending": N_("is being sent"),
    "send_again": N_("No connection to the server. Your text is still here: send it again, and it goes out once."),
    "once_more": N_("Press Ctrl+Enter once more to send it all the same."),
    "window_over": N_("{channel}: the time to answer is over"),
    "snippet_none": N_("No snippet has these words"),
    "snippet_count": N_("{n} snippets"),
    "quoted": N_("Put into your answer; read it before you send it"),
}
