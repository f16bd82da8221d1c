#!/usr/bin/env bash
# Build wheel and sdist twice (the same bytes?), install the wheel without the checkout in a clean environment, and use it.
#   scripts/check_distribution.sh [PYTHON]     a Python that has `build` and `hatchling`, .venv/bin/python by default
set -euo pipefail
cd "$(dirname "$0")/.."
python=${1:-.venv/bin/python}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# From what git holds, so that nothing that merely lies in the folder gets in.
for turn in one two; do
  mkdir -p "$work/$turn"
  git archive HEAD | tar -x -C "$work/$turn"
  "$python" -m build --no-isolation --outdir "$work/$turn/dist" "$work/$turn" >"$work/build.log" 2>&1 || { cat "$work/build.log"; exit 1; }
done
for file in "$work"/one/dist/*; do
  cmp "$file" "$work/two/dist/$(basename "$file")" || { echo "built twice, $(basename "$file") has other bytes"; exit 1; }
done
echo "built twice, the same bytes:" $(cd "$work/one/dist" && ls)

"$python" -m venv "$work/clean"
"$work/clean/bin/pip" install -q --disable-pip-version-check -c constraints.txt "$(echo "$work"/one/dist/*.whl)[scenes]"
cd "$work"
export MPLCONFIGDIR="$work/mpl" XDG_CACHE_HOME="$work/cache" HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1
clean="$work/clean/bin"
"$clean/python" -c "import vizgraph, viz_nodes, pathlib; assert pathlib.Path(vizgraph.__file__).is_relative_to('$work/clean')"
"$clean/python" -c "from viz_nodes.pages import page; import pathlib; assert all(page(name).is_file() and page(name).is_relative_to('$work/clean') for name in ('adapters.md', 'training.md'))"
"$clean/vizgraph" demo --out "$work/demo" >/dev/null
"$clean/vizgraph" explore --arch gcn_demo --ckpt demo --img "$("$clean/python" -c 'import vizgraph.data as d; print(sorted(map(str, d.bundled_images()))[0])')" --out "$work/page" >/dev/null
"$clean/vizgraph" train --config demo.yaml --smoke --device cpu --out "$work/run" >"$work/train.log" 2>&1 || { tail -5 "$work/train.log"; exit 1; }
find "$work/demo" -name figure.png | grep -q . && find "$work/page" -name '*.html' | grep -q . && find "$work/run" -name 'last*' | grep -q .
echo "the wheel alone: demo, explorer and a training run made their files"
