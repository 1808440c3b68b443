"""The whole stack as real processes on loopback: for the demo, for `make run`, for tests."""
