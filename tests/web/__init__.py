"""The exporter's HTTP server over real sockets, real TLS and real processes."""
