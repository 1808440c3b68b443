"""Tests of the way from an alert to a report."""
