"""One class per subject that is asked in the background: what was seen, and how it went."""
