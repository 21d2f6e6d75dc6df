"""How grave a message reads: small linear models over hashed pieces of text (docs/model-card.md).

Trained from our own corpus by `python -m aggregator.triage.model.train`; no network, nothing but numpy.
"""

from aggregator.triage.model.heads import HEADS, Judged, Model, load

__all__ = ["HEADS", "Judged", "Model", "load"]
