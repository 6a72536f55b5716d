#!/usr/bin/env bash
# Makes .venv with everything pinned in requirements-dev.txt, once for each version of that file.
set -euo pipefail
cd "$(dirname "$0")/.."

stamp=.venv/.installed
wanted=$(cat requirements-dev.txt pyproject.toml | cksum)
[ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ] && exit 0

# A shim may be on PATH and answer "command not found", so each candidate is run.
is_313() { [ "$("$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)" = 3.13 ]; }

find_python() {
  local candidate
  for candidate in "${PYTHON:-}" python3.13 python3 python \
      "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.13*/bin/python3; do
    if [ -n "$candidate" ] && is_313 "$candidate"; then
      echo "$candidate"
      return 0
    fi
  done
  return 1
}

if ! python=$(find_python); then
  echo "Python 3.13 was found neither on PATH nor among pyenv's versions." >&2
  echo "Get it with 'pyenv install 3.13' or 'uv python install 3.13', or name one: PYTHON=/path/to/python3.13 make …" >&2
  exit 1
fi

echo "Setting up .venv with $("$python" --version) (a minute, once) …"
[ -x .venv/bin/python ] && is_313 .venv/bin/python || { rm -rf .venv && "$python" -m venv .venv; }
.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
# The project itself is run from here, not installed: one line makes it importable from anywhere.
pwd > "$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')/lifecycle-here.pth"
cat > .venv/bin/lifecycle <<SCRIPT
#!/usr/bin/env bash
exec "\$(dirname "\$0")/python" -m lifecycle "\$@"
SCRIPT
chmod +x .venv/bin/lifecycle
echo "$wanted" > "$stamp"
