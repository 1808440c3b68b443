"""Acceptance: a fault in the simulator is a symptom at /metrics within one interval, and goes.

One file per scenario, and one for what the bot's log says. The exporter is the real program,
scraped over HTTP; what must show are the alerts whose rules Prometheus would load, evaluated by
promtool on what was scraped.

``page``    one scrape, as one bot's samples
``rules``   which alerts' expressions are true of a scrape
``venues``  how a bot of each venue is configured and what its files are like while all is well
``ground``  simulator, bots, exporter; faults that come and go
"""
