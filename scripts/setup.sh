#!/usr/bin/env bash
# Makes .venv with everything pinned in requirements-dev.txt, and Azurite where node is; once for each version of the
# files that pin them.
set -euo pipefail
cd "$(dirname "$0")/.."

# Azurite serves the tests of the records in Azure Tables; without it they are skipped and say so. It runs nothing when
# it is installed, and how this machine's own registry is configured is not our business.
set_up_azurite() {
  local folder=sandbox/azurite stamp wanted
  stamp=$folder/node_modules/.installed
  wanted=$(cat $folder/package.json $folder/package-lock.json $folder/.npmrc | cksum)
  [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ] && return 0
  command -v node >/dev/null && command -v npm >/dev/null || return 0
  echo "Setting up Azurite with node $(node --version) (a quarter of a minute, once) …"
  if ! (cd $folder && npm ci --silent --ignore-scripts --prefer-offline --fetch-retries=1); then
    echo "npm could not install Azurite; the tests that need it are skipped. For the reason: cd $folder && npm ci" >&2
    return 0
  fi
  echo "$wanted" > "$stamp"
}
set_up_azurite

stamp=.venv/.installed
wanted=$(cat requirements-dev.txt scripts/setup.sh | cksum)
[ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ] && .venv/bin/python -c '' 2>/dev/null && exit 0

# A shim may be on PATH and answer "command not found", so each candidate is run. A free-threaded build has no wheels.
fits() {
  "$1" -c 'import ensurepip, sys, sysconfig, venv
sys.exit(sys.version_info[:2] != (3, 13) or bool(sysconfig.get_config_var("Py_GIL_DISABLED")))' 2>/dev/null
}

find_python() {
  local candidate
  for candidate in "${PYTHON:-}" python3.13 python3 python \
      "${PYENV_ROOT:-${HOME:-}/.pyenv}"/versions/3.13*/bin/python3 \
      "${HOME:-}"/.pyenv/versions/3.13*/bin/python3; do
    if [ -n "$candidate" ] && fits "$candidate"; then
      echo "$candidate"
      return 0
    fi
  done
  return 1
}

if ! python=$(find_python); then
  echo "Python 3.13, with its venv module, was found neither on PATH nor among pyenv's versions." >&2
  echo "Get it with 'pyenv install 3.13' or 'uv python install 3.13' (on Debian also 'apt install python3.13-venv')," >&2
  echo "or name one: PYTHON=/path/to/python3.13 make …" >&2
  exit 1
fi
if ! command -v "${CC:-cc}" >/dev/null; then
  echo "No C compiler was found: the sandbox's AMQP library is built on this machine. Install gcc or clang." >&2
  exit 1
fi

echo "Setting up .venv with $("$python" --version) (a minute, once) …"
if ! { fits .venv/bin/python && .venv/bin/python -m pip --version; } >/dev/null 2>&1; then
  "$python" -m venv --clear .venv
fi
# -qq: errors only; how this machine's own package indexes are configured is not our business.
.venv/bin/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements-dev.txt

# The project is run from here, not installed. Both of these are relative, so the folder may be moved.
packages=$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
echo ../../../.. > "$packages/lifecycle-here.pth"
cat > .venv/bin/lifecycle <<'SCRIPT'
#!/usr/bin/env bash
exec "$(dirname "$0")/python" -m lifecycle "$@"
SCRIPT
chmod +x .venv/bin/lifecycle
echo "$wanted" > "$stamp"
