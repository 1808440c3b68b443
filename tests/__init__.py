"""The tests of Tradewarden, and the simulator they run against."""
