# syntax=docker/dockerfile:1
#
# One build, three images:
#   docker build --target exporter    -t tradewarden-exporter .
#   docker build --target remediation -t tradewarden-remediation .
#   docker build --target demo        -t tradewarden-demo .      simulator and simulated bot
FROM python:3.11-slim-bookworm AS build

ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/venv
WORKDIR /src
COPY requirements.lock ./
RUN /opt/venv/bin/pip install --require-hashes -r requirements.lock
COPY pyproject.toml ./
# The project's metadata names a README that the image has no use for.
RUN touch README.md
COPY exporter/ exporter/
COPY remediation/ remediation/
# Built with the image's own setuptools and wheel: nothing without a hash is downloaded.
RUN python -m pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
    && /opt/venv/bin/pip install --no-deps --no-index /wheels/*.whl


FROM python:3.11-slim-bookworm AS base

# A user of its own, with a number so that files on volumes and secrets can be
# given to it by number. The directories exist so that new volumes belong to it.
RUN groupadd --gid 10001 tradewarden \
    && useradd --uid 10001 --gid 10001 --no-create-home --shell /usr/sbin/nologin tradewarden \
    && install -d -o 10001 -g 10001 /var/lib/tradewarden /srv/bot /srv/sim
COPY --from=build /opt/venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 10001:10001
WORKDIR /srv/bot


FROM base AS exporter
EXPOSE 9840
ENTRYPOINT ["tradewarden-exporter"]
CMD ["serve", "--config.file=/etc/tradewarden/tradewarden.yml", "--web.listen-address=0.0.0.0:9840"]


FROM base AS remediation
EXPOSE 9841
ENTRYPOINT ["tradewarden-remediation"]
CMD ["serve", "--config.file=/etc/tradewarden/tradewarden.yml", "--web.listen-address=0.0.0.0:9841"]


# Only here are tests/ and the simulator: they never reach a machine that trades.
FROM base AS demo
COPY tests/ /opt/tradewarden/tests/
WORKDIR /opt/tradewarden
ENTRYPOINT ["python"]
CMD ["-m", "tests.sim"]
