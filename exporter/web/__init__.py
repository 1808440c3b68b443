"""The exporter's HTTP server: listening, TLS, who may ask, and what is answered.

One event loop owns every connection, so a client that is slow, silent or hostile costs a
socket and nobody's time; only answers are made in threads. HTTP itself is h11's business.
"""
