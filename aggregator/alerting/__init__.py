"""Webhooks and alerts: what others outside are told, and how it reaches them (docs/alerts.md)."""
