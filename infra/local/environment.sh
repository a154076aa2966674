#!/bin/sh
# Makes the project's environment (.venv) from its locked requirements, unless it is as it should be already.
# PYTHON names the interpreter to make it with; otherwise the first that is new enough is taken.
set -eu
cd "$(dirname "$0")/../.."

VENV=.venv
MADE_FROM=$VENV/made-from.txt

say() { printf '%s\n' "$*" >&2; }

fail() {
    say "$*"
    exit 1
}

wanted() { cat requirements/project.txt pyproject.toml infra/local/environment.sh; }

is_current() { [ -x $VENV/bin/python ] && [ -f $MADE_FROM ] && wanted | cmp -s - $MADE_FROM; }

fits() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

# The interpreter behind the name: an environment's own would go with the environment.
behind() { "$1" -c 'import sys; print(getattr(sys, "_base_executable", sys.executable))'; }

find_python() {
    for name in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
        if fits "$name"; then
            behind "$name"
            return
        fi
    done
    fail "Palisade needs Python 3.11 or newer, and ${PYTHON:-python3} is $(version_of "${PYTHON:-python3}"):" \
        "install one, or name it with PYTHON=/path/to/python3."
}

version_of() { "$1" -c 'import sys; print(sys.version.split()[0])' 2>/dev/null || echo missing; }

check_node() {
    command -v node >/dev/null 2>&1 || fail "Palisade needs Node.js 20 or newer, and there is none on the PATH."
    node -e 'process.exit(Number(process.versions.node.split(".")[0]) < 20 ? 1 : 0)' ||
        fail "Palisade needs Node.js 20 or newer, and this is $(node --version)."
}

make_venv() {
    if [ -x $VENV/bin/python ] && fits $VENV/bin/python; then
        return
    fi
    say "Making the environment in $VENV with $1"
    rm -rf $VENV
    "$1" -m venv $VENV || fail "Python's venv module does not work here: on Debian, install python3-venv."
}

# uv comes first, by pip and by its locked hash; it installs everything else.
install_uv() {
    awk '/^[^ ]/ { keep = /^uv==/ } keep' requirements/project.txt >$VENV/uv.txt
    locked=$(sed -n 's/^uv==\([^ ]*\).*/\1/p' $VENV/uv.txt)
    case "$($VENV/bin/uv --version 2>/dev/null)" in "uv $locked"*) return ;; esac
    say "Installing uv $locked"
    $VENV/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r $VENV/uv.txt ||
        fail "uv could not be installed; the reason is above."
}

install_packages() {
    say "Installing $(grep -c '^[^ #]' requirements/project.txt) packages"
    $VENV/bin/uv pip sync --python $VENV/bin/python --require-hashes requirements/project.txt ||
        fail "The packages could not be installed; the reason is above."
    $VENV/bin/uv pip install --quiet --python $VENV/bin/python --no-deps --no-build-isolation --editable . ||
        fail "The project could not be installed; the reason is above."
}

if is_current; then
    exit 0
fi
python=$(find_python)
check_node
make_venv "$python"
install_uv
rm -f $MADE_FROM
install_packages
wanted >$MADE_FROM
say "The environment is ready."
