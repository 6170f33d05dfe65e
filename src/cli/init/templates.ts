import type { Suggestion } from './suggest.ts';

/** Where the copies of the schemas stand, below the directory. */
export const SCHEMAS = '.squall/schemas';

/** `schema`: the path from the file to its schema. */
export function exampleManifest({ target, peer, isReal }: Suggestion, schema: string): string {
  const select =
    'container' in target
      ? `      names: [${scalar(target.container)}]`
      : `      project: ${scalar(target.project)}\n      services: [${scalar(target.service)}]`;
  const [[kind, name] = ['any', true]] = Object.entries(peer);
  const note = isReal ? '' : ' # made up: put names of your own here and below';
  return `# yaml-language-server: $schema=${schema}
#
# What the target sends to its peer is late, as on a slow line.
# Write down here what you expect: answers take longer, none fails, and all is as before within seconds of the end.
#
# A template: with \`suspend: true\` nothing happens until \`squall run example\`, or until the line is removed.
apiVersion: squall/v1
kind: Experiment
metadata:
  name: example
  labels: { suite: nightly }
spec:
  suspend: true
  duration: 60s
  targets:
    select:${note}
${select}
    mode: one # or all, { count: 2 }, { percent: 50 }
  faults:
    - type: network-latency
      to: [{ ${kind}: ${typeof name === 'string' ? scalar(name) : name} }]
      delay: 200ms
      jitter: 50ms
  blastRadius: { maxTargets: 1 }
`;
}

export function policyManifest(schema: string): string {
  return `# yaml-language-server: $schema=${schema}
#
# Limits on all chaos of the host, whatever an experiment says. A selection over a limit is denied, never trimmed.
# Several Policies may stand side by side: the tightest wins.
apiVersion: squall/v1
kind: Policy
metadata:
  name: default
spec:
  optIn: label # only containers with the label squall.enabled=true
  maxDuration: 10m
  maxConcurrentRuns: 1
  maxTargets: 3
  budget:
    - { faultTime: 30m, window: 24h } # time under a fault, of all containers together
  # protect:
  #   - services: [postgres]
  # minHealthy: 1 # of each service: denies whatever would hit a service's only container
  # windows:
  #   timeZone: Europe/Zurich
  #   allow:
  #     - { days: [mon-thu], from: "09:00", to: "16:00" }
`;
}

export function scheduleManifest(schema: string): string {
  return `# yaml-language-server: $schema=${schema}
#
# The example, at three in the morning of working days. Take \`suspend\` away and it fires.
apiVersion: squall/v1
kind: Schedule
metadata:
  name: nightly
spec:
  suspend: true
  cron: "0 3 * * 1-5"
  timeZone: UTC
  experimentRef: { name: example }
  concurrencyPolicy: Forbid # or Replace, Allow
  startingDeadline: 10m # a start that was missed is made up for this long
`;
}

/** `compose`: the repository has a compose file, whose containers the plan can be about. */
export function workflow(compose: boolean): string {
  return `# Tells on every pull request what its change of the manifests would do. Nothing is injected.
name: squall
on:
  pull_request:
    paths: [experiments/**, schedules/**, .github/workflows/squall.yml]

permissions:
  contents: read

jobs:
  plan:
    runs-on: ubuntu-latest
    timeout-minutes: 15
    steps:
      - uses: actions/checkout@v5
        with:
          fetch-depth: 0 # the plan compares with the base
      - uses: actions/setup-node@v5
        with:
          node-version: 24
      - name: Install Squall
        env:
          # What npm installs it from: a package, the URL of a tarball, or github:OWNER/REPOSITORY#TAG. Set it as a variable of the
          # repository (Settings, Secrets and variables, Actions, Variables).
          SQUALL_PACKAGE: \${{ vars.SQUALL_PACKAGE }}
        run: npm install --global "\${SQUALL_PACKAGE:?set the variable SQUALL_PACKAGE of this repository}"
      - name: Validate
        run: squall validate -o github experiments schedules
${compose ? '      - name: Start the containers\n        run: docker compose up --detach --wait\n' : ''}      - name: Plan
        run: squall plan experiments schedules --base "origin/$GITHUB_BASE_REF..."${compose ? '' : ' --no-engine'} -o markdown >> "$GITHUB_STEP_SUMMARY"
`;
}

/** Words that YAML 1.2 takes for something else than text, and those that older readers do. */
const NO_TEXT = /^(true|false|null|yes|no|on|off|y|n)$/i;

/** YAML for a text: as it is where it can't be taken for anything else. JSON is YAML. */
function scalar(text: string): string {
  return /^[A-Za-z][\w-]*$/.test(text) && !NO_TEXT.test(text) ? text : JSON.stringify(text);
}
