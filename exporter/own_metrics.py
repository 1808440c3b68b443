"""What the exporter says about itself."""

from prometheus_client.core import GaugeMetricFamily, Metric


def own_metrics(
    version: str, *, reload_successful: bool, reload_success_time: float
) -> tuple[Metric, ...]:
    """Return build and configuration state as metrics."""
    build = GaugeMetricFamily(
        "tradewarden_exporter_build_info",
        "Always 1: which version of the exporter this is.",
        labels=["version"],
    )
    build.add_metric([version], 1)
    successful = GaugeMetricFamily(
        "tradewarden_exporter_config_last_reload_successful",
        "1 if the last attempt to load the configuration worked; 0 means the file on disk is"
        " wrong and the previous configuration is still in force.",
        value=float(reload_successful),
    )
    moment = GaugeMetricFamily(
        "tradewarden_exporter_config_last_reload_success_timestamp_seconds",
        "When the configuration in force was loaded.",
        value=reload_success_time,
    )
    return build, successful, moment
