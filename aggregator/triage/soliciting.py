"""Whether a post that names troubles offers to mend those of others: advertising, which reads like a complaint.

To lose a customer is the worse mistake: who wants to be called ("提现失败，联系我微信") offers nothing, and whoever
speaks of what is his own is a customer, whatever he offers besides. The words are those of phrases/soliciting.yaml.
"""

from __future__ import annotations

from aggregator.triage.phrases import phrases

GROUPS = ("offers", "contact", "mine")

_LONGEST = 280  # a long text tells more than one thing


def solicits(text: str) -> bool:
    """Whether it offers help, says where, and tells of no trouble of the writer's.

    Args:
        text: as `search_text` gives it.
    """
    if len(text) > _LONGEST:
        return False
    words = phrases("soliciting", GROUPS)
    return all(words[group].search(text) for group in ("offers", "contact")) and not words["mine"].search(text)
