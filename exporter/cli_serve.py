"""``serve``: its flags, named and meant as in Prometheus' own exporters."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from exporter import __version__
from exporter.cli_check import check_files
from exporter.cli_options import Duration, config_option, log_options
from exporter.collectors import COLLECTORS, Collector
from exporter.scrape import OFFSET_SECONDS
from exporter.serving import Settings, run
from exporter.web.options import make_options

_LISTEN = "127.0.0.1:9840"

Command = TypeVar("Command", bound=Callable[..., Any])


def _collector_options(command: Command) -> Command:
    """--collector.X and --no-collector.X, two flags so that both at once can be refused."""
    for collector in reversed(COLLECTORS):
        name = collector.name
        command = click.option(
            f"--no-collector.{name}", f"without_{name}", is_flag=True, help=f"Leave {name} out."
        )(command)
        command = click.option(
            f"--collector.{name}",
            f"with_{name}",
            is_flag=True,
            help=f"Enable {name}: on anyway, except after --collector.disable-defaults.",
        )(command)
    return command


@click.command()
@click.version_option(__version__, prog_name="tradewarden-exporter")
@config_option
@click.option(
    "--config.check", "only_check", is_flag=True, help="Judge the files and exit with 0 or 1."
)
@click.option(
    "--config.enable-auto-reload",
    "auto_reload",
    is_flag=True,
    help="Reload the configuration when its file has changed.",
)
@click.option(
    "--config.auto-reload-interval",
    "auto_reload_seconds",
    type=Duration(),
    default="30s",
    show_default=True,
    help="How often to look for a change.",
)
@click.option(
    "--web.listen-address",
    "listen",
    multiple=True,
    help=f"Address to listen on, repeatable; :port is the loopback alone, port 0 picks a free"
    f" one.  [default: {_LISTEN}]",
)
@click.option(
    "--web.systemd-socket",
    "systemd_socket",
    is_flag=True,
    help="Listen on the sockets that systemd hands over, instead of an address.",
)
@click.option(
    "--web.telemetry-path",
    "telemetry_path",
    default="/metrics",
    show_default=True,
    help="Path of the metrics.",
)
@click.option(
    "--web.config.file",
    "web_config_path",
    type=click.Path(path_type=Path),
    help="File with TLS, passwords and headers; read again for each request.",
)
@click.option(
    "--web.max-requests",
    "max_requests",
    type=click.IntRange(min=0),
    default=40,
    show_default=True,
    help="How many scrapes may run at once; 0 does not limit them.",
)
@click.option(
    "--web.disable-exporter-metrics",
    "disable_exporter_metrics",
    is_flag=True,
    help="Leave out the process_* metrics of the exporter itself.",
)
@click.option(
    "--web.external-url",
    "external_url",
    help="URL under which a browser reaches this program, if through a proxy.",
)
@click.option(
    "--web.route-prefix",
    "route_prefix",
    help="What paths that arrive here begin with.  [default: the path of --web.external-url]",
)
@click.option(
    "--timeout-offset",
    "timeout_offset",
    type=click.FloatRange(min=0.0, max=60.0),
    default=OFFSET_SECONDS,
    show_default=True,
    help="Seconds to subtract from the scraper's own timeout.",
)
@click.option(
    "--collector.disable-defaults",
    "disable_defaults",
    is_flag=True,
    help="Enable only the collectors that are named.",
)
@_collector_options
@log_options
def serve(
    *,
    config_path: Path,
    only_check: bool,
    auto_reload: bool,
    auto_reload_seconds: float,
    listen: tuple[str, ...],
    systemd_socket: bool,
    telemetry_path: str,
    web_config_path: Path | None,
    max_requests: int,
    disable_exporter_metrics: bool,
    external_url: str | None,
    route_prefix: str | None,
    timeout_offset: float,
    disable_defaults: bool,
    **chosen: bool,
) -> None:
    """Serve /metrics until told to stop; SIGHUP reloads the configuration."""
    if systemd_socket and listen:
        message = "--web.systemd-socket and --web.listen-address contradict each other"
        raise click.UsageError(message)
    try:
        options = make_options(
            telemetry_path=telemetry_path,
            external_url=external_url,
            route_prefix=route_prefix,
            max_requests=max_requests,
            timeout_offset=timeout_offset,
        )
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    collectors = _enabled(chosen, disable_defaults=disable_defaults)
    if only_check:
        check_files(config_path, web_config_path)
        return
    run(
        Settings(
            config_path=config_path,
            web_config_path=web_config_path,
            listen=() if systemd_socket else listen or (_LISTEN,),
            web=options,
            collectors=collectors,
            own_process=not disable_exporter_metrics,
            auto_reload_seconds=auto_reload_seconds if auto_reload else None,
        )
    )


def _enabled(chosen: dict[str, bool], *, disable_defaults: bool) -> Sequence[Collector]:
    enabled = []
    for collector in COLLECTORS:
        name = collector.name
        wanted, unwanted = chosen[f"with_{name}"], chosen[f"without_{name}"]
        if wanted and unwanted:
            message = f"--collector.{name} and --no-collector.{name} contradict each other"
            raise click.UsageError(message)
        if wanted or not (unwanted or disable_defaults):
            enabled.append(collector)
    if not enabled:
        message = "no collector is enabled: name one, as in --collector.sources"
        raise click.UsageError(message)
    return enabled
