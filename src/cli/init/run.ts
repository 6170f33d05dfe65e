import { join } from 'node:path';
import { nearMiss } from '../../core/near-miss.ts';
import { clean } from '../../report/clean.ts';
import type { Io } from '../io.ts';
import { type Outcome, outcomeOf, type StartFile, startFiles, writeStartFile } from './files.ts';
import { lookAround } from './look.ts';
import { placeholders, projectsOf, type Suggestion, suggest } from './suggest.ts';

export interface InitOptions {
  project?: string;
  github?: boolean;
  force?: boolean;
  dryRun?: boolean;
  dockerHost?: string;
}

/** Writes what is not there yet. What was done goes to stdout, what to do next to stderr. Throws SQ106 where it can't be written. */
export async function runInit(io: Io, dir: string, options: InitOptions): Promise<void> {
  const suggestion = await choose(io, options);
  const outcomes: Outcome[] = [];
  for (const file of await startFiles(dir, suggestion, options.github ?? false)) {
    const intended = await outcomeOf(dir, file, options.force ?? false);
    const outcome = options.dryRun ? intended : await writeStartFile(dir, file, intended);
    outcomes.push(outcome);
    io.out(options.dryRun ? preview(dir, file, outcome) : report(dir, file, outcome));
  }
  if (outcomes.includes('keep')) io.err('What is there already was left as it is: --force replaces it\n');
  if (!options.dryRun) io.err(nextSteps(dir, suggestion));
}

/** Says on stderr whom the example is for, and why where that may surprise. */
async function choose(io: Io, { project, dockerHost }: InitOptions): Promise<Suggestion> {
  const containers = await lookAround(dockerHost);
  if (!containers) {
    io.err('No Docker engine answered within a second: the example has made-up names\n');
    return placeholders(project);
  }
  const suggestion = suggest(containers, project);
  const projects = projectsOf(containers);
  if (project !== undefined && !suggestion.isReal) {
    const near = nearMiss(project, projects);
    const known = near ? `Did you mean "${near}"?` : `Running: ${projects.join(', ') || 'none'}`;
    io.err(`No container of the compose project "${clean(project)}" runs. ${clean(known)}\n`);
  } else if (!suggestion.isReal) io.err('No container runs that would do: the example has made-up names\n');
  else {
    const others = projects.length > 1 && project === undefined ? '; --project chooses another' : '';
    io.err(`The example is for ${clean(nameOf(suggestion))}${others}\n`);
  }
  return suggestion;
}

function nameOf({ target }: Suggestion): string {
  return 'container' in target
    ? `the container ${target.container}`
    : `the service ${target.service} of the compose project ${target.project}`;
}

const DONE: Record<Outcome, string> = {
  create: 'created',
  replace: 'replaced',
  update: 'updated',
  keep: 'kept',
  same: 'unchanged',
};

function report(dir: string, { path }: StartFile, outcome: Outcome): string {
  return `${DONE[outcome].padEnd(9)} ${clean(join(dir, path))}\n`;
}

function preview(dir: string, { path, text, isCopy }: StartFile, outcome: Outcome): string {
  const heading = `# ${clean(join(dir, path))}: would be ${DONE[outcome]}\n`;
  const shown = !isCopy && (outcome === 'create' || outcome === 'replace');
  return shown ? `${heading}${text}\n` : heading;
}

function nextSteps(dir: string, suggestion: Suggestion): string {
  const where = dir === '.' ? '' : `cd ${clean(dir)} && `;
  const steps = [
    ...(suggestion.hasOptedIn ? [] : [optIn(suggestion)]),
    `${where}squall validate   # are the manifests right?`,
    'squall doctor     # what can this host do?',
    `${where}squall plan       # what would be hit, and what refused? Changes nothing`,
    `${where}squall daemon     # then, in another terminal: squall run example`,
  ];
  return `\nNext:\n${steps.map((step) => `  ${step}\n`).join('')}`;
}

function optIn({ target }: Suggestion): string {
  const label = 'squall.enabled: "true"';
  if ('container' in target) return `re-create the container with the label squall.enabled=true`;
  const service = clean(target.service);
  return `opt in: give the service ${service} the label ${label} in your compose file, and: docker compose up -d`;
}
