"""A file per mistake that the configuration can contain."""
