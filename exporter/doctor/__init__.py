"""One pass of every check, for a person before resuming and for the resume gate.

The gate answers "may this bot be started now?": everything that must be true before, and nothing
(process, heartbeat) that can only be true after.

``verdicts``        what a check is, and what it may find
``look``            a reading that several checks share
``ending``          ends what was started, when the doctor must end early
``patient``         one bot: all that may be read of it
``exchange_looks``  the exchange's part of that, by the watches behind the metrics
``general``, and a module for each scenario: the checks
``sections``        all of them, in the runbook's order
``examination``     makes them at the same time, with an end
``places``          what advice is filled with
``report``          table, JSON, exit status
"""

RESUME = "resume"
