#!/bin/sh
# Prepare what the Makefile needs: `prepare.sh venv`, `prepare.sh clients` or
# `prepare.sh tools`.
# `prepare.sh bench_tools` adds the programs that `make bench` measures against.
# Quiet when there is nothing to do; otherwise says what it does, or exactly what
# a person has to do.
set -eu
cd "$(dirname "$0")/.."
export DEBIAN_FRONTEND=noninteractive

say() { printf '%s\n' "$*" >&2; }
may_install() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; }

apt_update() {
    say "reading the distribution's package lists …"
    apt-get update -qq
}

venv() {
    python=${PYTHON:-python3}
    command -v "$python" >/dev/null || { say "no $python here: install Python 3.11 or later"; exit 1; }
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
        say "$("$python" --version) is too old: Python 3.11 or later is needed (make PYTHON=/path/to/python3)"
        exit 1
    }
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        if may_install; then
            apt_update
            apt-get install -y -qq --no-install-recommends python3-venv >/dev/null
        else
            say "Python's venv module is missing. As root: apt-get install python3-venv"
            exit 1
        fi
    fi
    pip=".venv/bin/python -m pip install -qq --disable-pip-version-check"
    # Anew only if the lock has changed; a change of our own metadata is quick.
    if ! cmp -s tests/requirements.lock .venv/installed.lock; then
        say "preparing .venv from tests/requirements.lock …"
        rm -rf .venv
        "$python" -m venv .venv
        $pip --require-hashes -r tests/requirements.lock
        cp tests/requirements.lock .venv/installed.lock
    fi
    $pip --no-deps --no-build-isolation -e .
    touch .venv/ready
}

# Client libraries that judge the simulator; each has an environment of its own, because
# none may decide which versions the programs under test get.
clients() {
    for lock in tests/clients/*.lock; do
        name=$(basename "$lock" .lock)
        place=.venv-clients/$name
        cmp -s "$lock" "$place/installed.lock" && continue
        say "preparing $place from $lock …"
        rm -rf "$place"
        .venv/bin/python -m venv "$place"
        "$place/bin/python" -m pip install -qq --disable-pip-version-check \
            --only-binary :all: --require-hashes -r "$lock"
        cp "$lock" "$place/installed.lock"
    done
}

have() {
    for candidate in "$@"; do
        [ -x ".tools/usr/bin/$candidate" ] && return 0
        command -v "$candidate" >/dev/null && return 0
    done
    return 1
}

# Debian's build needs its templates too.
have_alertmanager() {
    have alertmanager ||
        { have prometheus-alertmanager && [ -e /usr/share/prometheus/alertmanager/default.tmpl ]; }
}

# The packages are unpacked into .tools, not installed: installing them would start
# both services on this host, at the ports a real installation uses.
tools() {
    have prometheus && have promtool && have amtool && have_alertmanager && return 0
    may_install || {
        say "Prometheus (2.42 or later) and Alertmanager (0.25 or later) are needed:"
        say "  sudo apt-get install prometheus prometheus-alertmanager"
        say "or put prometheus, promtool, alertmanager and amtool on PATH; then run make again."
        exit 1
    }
    say "fetching Prometheus and Alertmanager from the distribution into .tools …"
    rm -rf .tools.new
    mkdir .tools.new
    (
        cd .tools.new
        apt-get download -qq prometheus prometheus-alertmanager 2>/dev/null ||
            { apt_update && apt-get download -qq prometheus prometheus-alertmanager; }
        for package in *.deb; do dpkg-deb -x "$package" .; done
        rm -f ./*.deb
    )
    # Debian's Alertmanager reads its default templates from this fixed place. A later
    # installation of the package simply takes these files over.
    templates=/usr/share/prometheus/alertmanager
    [ -e $templates/default.tmpl ] || {
        mkdir -p $templates
        cp .tools.new$templates/*.tmpl $templates/
    }
    rm -rf .tools
    mv .tools.new .tools
}

bench_tools() {
    have mtail && have prometheus-node-exporter && return 0
    may_install || {
        say "make bench measures against mtail and node_exporter. As root:"
        say "  apt-get install mtail prometheus-node-exporter   (and stop both services)"
        exit 1
    }
    say "fetching mtail and node_exporter from the distribution into .tools …"
    mkdir -p .tools
    (
        cd .tools
        apt-get download -qq mtail prometheus-node-exporter 2>/dev/null ||
            { apt_update && apt-get download -qq mtail prometheus-node-exporter; }
        for package in *.deb; do dpkg-deb -x "$package" .; done
        rm -f ./*.deb
    )
}

# A real chronyd, which the tests start with -x: it never touches the clock. And runc, for a
# container in which the kernel kills.
soak_tools() {
    [ -x .tools/usr/sbin/chronyd ] && [ -x .tools/usr/sbin/runc ] && return 0
    may_install || { say "tests that need chrony and runc are skipped where these are missing"; return 0; }
    say "fetching chrony and runc from the distribution into .tools …"
    mkdir -p .tools
    (
        cd .tools
        apt-get download -qq chrony runc 2>/dev/null ||
            { apt_update && apt-get download -qq chrony runc; }
        for package in *.deb; do dpkg-deb -x "$package" .; done
        rm -f ./*.deb
    )
}

"$1"
