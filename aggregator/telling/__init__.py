"""What others are told, and how it reaches them: webhooks and alerts (docs/alerts.md)."""
