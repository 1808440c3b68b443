"""Unmodified client libraries as judges: simulator and sources cannot share a mistake."""
