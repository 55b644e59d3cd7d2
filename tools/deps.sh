#!/usr/bin/env bash
# Installs the Debian packages that approxrun needs, by name, and says so first. Nothing is asked; nothing else is changed.
#   tools/deps.sh            what the program is built from
#   tools/deps.sh data       and npm, from which MNIST comes (skipped where npm or MNIST is already there)
#   tools/deps.sh test       and the foreign readers that the tests compare with
set -euo pipefail

build=(gcc make cmake pkg-config libluajit-5.1-dev libcjson-dev libhdf5-dev libopenblas-dev libssl-dev librandom123-dev
       libcmocka-dev libcurl4-openssl-dev zlib1g-dev scdoc ca-certificates)
tests=(clang dataset-fashion-mnist fish groff-base hdf5-tools jq libclang-rt-14-dev libxml2-utils locales luajit mandoc
       python3-h5py python3-numpy python3-pandas python3-tables python3-torch slurm-wlm tmux zsh)

wanted=("${build[@]}")
for group in "$@"; do
  case $group in
    test) wanted+=("${tests[@]}") ;;
    data) command -v npm >/dev/null || [ -n "${APPROXRUN_DATA:-}" ] || wanted+=(npm) ;;
    *) echo "deps: unknown group '$group'; wanted: data, test" >&2; exit 2 ;;
  esac
done

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
  echo "deps: not a Debian system; install the equivalents of: ${wanted[*]}" >&2
  exit 0
fi

missing=()
for package in "${wanted[@]}"; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "deps: missing ${missing[*]}; run as root: apt-get install ${missing[*]}" >&2; exit 1; }
  as_root=(sudo)
fi
echo "deps: installing with apt-get: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
