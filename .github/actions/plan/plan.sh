#!/usr/bin/env bash
# Plans the manifests of a pull request: a summary of the job, annotations, and one comment that each run brings up to date.
# All input comes through the environment (see action.yml). Exit codes are those of `squall plan`.
set -euo pipefail

readonly marker='<!-- squall-plan -->'

# Workflow commands are one line: what could end it, or begin another, is escaped.
say() {
  local text=$2
  text=${text//'%'/%25}
  text=${text//$'\r'/%0D}
  printf '::%s title=Squall plan::%s\n' "$1" "${text//$'\n'/%0A}"
}

fail() {
  say error "$1"
  exit 2
}

# Sets `squall` to the command: a version of the package, or this action's own checkout.
find_squall() {
  local root
  node -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 22 || (a == 22 && b >= 22) ? 0 : 1)' ||
    fail 'Node.js 22.22 or newer is needed: put actions/setup-node before this step'
  if [[ -n ${INPUT_VERSION:-} ]]; then
    [[ $INPUT_VERSION =~ ^[0-9A-Za-z.+~^-]+$ ]] || fail "version: expected one such as 1.2.3, found $INPUT_VERSION"
    squall=(npx --yes "squall@$INPUT_VERSION")
    return
  fi
  root=$(cd "$GITHUB_ACTION_PATH/../../.." && pwd)
  [[ -f $root/src/main.ts ]] || fail 'this action is not in a checkout of Squall: give a version'
  [[ -d $root/node_modules ]] || npm ci --prefix "$root" --omit=dev --ignore-scripts --no-audit --no-fund >&2
  squall=(node "$root/src/main.ts")
}

# One commit, or what a branch points at, without the rest of its history where the clone is shallow.
fetch() {
  local depth=()
  [[ $(git rev-parse --is-shallow-repository) == false ]] || depth=(--depth=1)
  git fetch --quiet --no-tags ${depth[@]+"${depth[@]}"} origin "$1" >&2 ||
    fail "git fetch origin $1 failed: give a base, or let actions/checkout fetch more (fetch-depth: 2)"
}

# Sets `base`: what the pull request is compared with; empty where nothing says.
find_base() {
  local line parents=()
  base=${INPUT_BASE:-}
  [[ -z $base ]] || return 0
  while IFS= read -r line && [[ -n $line ]]; do
    [[ $line != parent\ * ]] || parents+=("${line#parent }")
  done < <(git cat-file commit HEAD 2>/dev/null)
  if [[ ${GITHUB_REF:-} == refs/pull/*/merge && ${#parents[@]} -eq 2 ]]; then
    base=${parents[0]}
    git cat-file -e "$base^{commit}" 2>/dev/null || fetch "$base"
  elif [[ -n ${GITHUB_BASE_REF:-} ]]; then
    fetch "+refs/heads/$GITHUB_BASE_REF:refs/remotes/origin/$GITHUB_BASE_REF"
    base=refs/remotes/origin/$GITHUB_BASE_REF
  fi
}

# Sets `options` and `paths`.
read_inputs() {
  local word path words=()
  options=("--state=${RUNNER_TEMP:-/tmp}/squall-plan-state")
  paths=()
  [[ -z $base ]] || options+=("--base=$base")
  if [[ -n ${INPUT_INVENTORY:-} ]]; then
    options+=("--inventory=$INPUT_INVENTORY")
  elif [[ ${INPUT_ENGINE:-false} != true ]]; then
    options+=(--no-engine)
  fi
  read -r -a words <<<"$(tr ',\n' '  ' <<<"${INPUT_FAIL_ON:-}")"
  for word in ${words[@]+"${words[@]}"}; do options+=("--fail-on=$word"); done
  while IFS= read -r path; do
    [[ -z $path ]] || paths+=("$path")
  done <<<"${INPUT_PATHS:-}"
}

plan() {
  "${squall[@]}" plan "${options[@]}" "--output=$1" -- ${paths[@]+"${paths[@]}"}
}

number_of_pull_request() {
  node -e '
    const { pull_request: pull } = JSON.parse(require("node:fs").readFileSync(process.argv[1], "utf8"));
    if (Number.isInteger(pull?.number)) console.log(pull.number);
  ' "${GITHUB_EVENT_PATH:-/dev/null}" 2>/dev/null || true
}

# Only a bot's comment is taken for ours: anybody may write one that begins with the marker.
comment() {
  local number ids id
  number=$(number_of_pull_request)
  [[ -n $number ]] || return 0
  ids=$(gh api --paginate "repos/$GITHUB_REPOSITORY/issues/$number/comments?per_page=100" \
    --jq ".[] | select(.user.type == \"Bot\" and (.body | startswith(\"$marker\"))) | .id") || return 1
  id=${ids%%$'\n'*}
  if [[ -n $id ]]; then
    gh api --silent --method PATCH "repos/$GITHUB_REPOSITORY/issues/comments/$id" --field "body=@$1"
  else
    gh api --silent --method POST "repos/$GITHUB_REPOSITORY/issues/$number/comments" --field "body=@$1"
  fi
}

main() {
  local code=0
  report=$(mktemp)
  trap 'rm -f "$report"' EXIT
  find_squall
  find_base
  read_inputs
  plan markdown >"$report" || code=$?
  [[ -s $report ]] || exit "$code"
  plan github || true
  cat "$report" >>"${GITHUB_STEP_SUMMARY:-/dev/null}"
  if [[ ${INPUT_COMMENT:-true} == true ]]; then
    comment "$report" ||
      say warning 'the comment could not be written: the job needs `pull-requests: write`, which pull requests from forks do not get'
  fi
  return "$code"
}

main
