"""For analysts: stable views and their dictionary, live SQL, exports."""

from __future__ import annotations

VIEWS = (
    "inquiries", "inquiry_texts", "posts", "post_texts", "people", "incidents", "incident_reports", "events",
    "answer_times", "score_terms", "queue", "source_coverage", "source_gaps", "daily_counts",
)  # fmt: skip
"""What analysts may read, live and in exports (aggregator/sql/0016_views.sql), in the order of the dictionary."""
