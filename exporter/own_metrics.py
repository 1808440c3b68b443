"""What the exporter says about itself."""

from prometheus_client.core import Metric

from exporter.collectors.families import Family, Kind

_PREFIX = "tradewarden_exporter"

BUILD = Family(
    f"{_PREFIX}_build_info",
    Kind.GAUGE,
    "Always 1: which version of the exporter this is.",
    ("version",),
    "exporter",
)
RELOAD_SUCCESSFUL = Family(
    f"{_PREFIX}_config_last_reload_successful",
    Kind.GAUGE,
    "1 if the last attempt to load the configuration worked; 0 means the file on disk is"
    " wrong and the previous configuration is still in force.",
    (),
    "exporter",
)
RELOAD_SUCCESS_TIME = Family(
    f"{_PREFIX}_config_last_reload_success_timestamp_seconds",
    Kind.GAUGE,
    "When the configuration in force was loaded.",
    (),
    "exporter",
)
FAMILIES = (BUILD, RELOAD_SUCCESSFUL, RELOAD_SUCCESS_TIME)


def own_metrics(
    version: str, *, reload_successful: bool, reload_success_time: float
) -> tuple[Metric, ...]:
    """Return build and configuration state as metrics."""
    build, successful, moment = (family.gauge() for family in FAMILIES)
    build.add_metric([version], 1)
    successful.add_metric([], float(reload_successful))
    moment.add_metric([], reload_success_time)
    return build, successful, moment
