import { randomUUID } from 'node:crypto';
import type { EventEmitter } from 'node:events';
import { type SimpleGitOptions, simpleGit } from 'simple-git';
import { systemClock } from '../core/clock.ts';
import { SquallError } from '../core/errors.ts';
import { EXEC_LIMIT, searchPath } from './exec.ts';
import { endMarked, MARK } from './git-processes.ts';

export interface GitCall {
  args: readonly string[];
  /** Where git runs: a directory that exists. */
  cwd: string;
  /** The repository, or the file that names it. It is said, not looked for: git then does not mind whose it is (safe.directory). */
  gitDir: string;
  workTree?: string;
  /** `key=value`, over the repository's own configuration. */
  config?: readonly string[];
  /**
   * Speaks to a remote: https, http, ssh, git and file. The system's and the user's configuration counts then, for proxies, certificates
   * and credentials are there. Without this git reaches no remote, and no configuration counts but the repository's.
   */
  remote?: boolean;
  /** For its standard input. */
  input?: string;
  /** ms; git is ended after that. Default 10 s. */
  timeout?: number;
  /** Ends git. */
  signal?: AbortSignal;
  /** Who runs it, so that what a killed daemon left running can be found (`endLeftovers`). */
  owner?: string;
}

export interface GitResult {
  code: number;
  stdout: Buffer;
  stderr: string;
}

/**
 * Runs git and resolves with its exit code. Nothing that a repository's configuration names is executed, nobody is asked for a password.
 * Rejects with SQ306 where git is missing, with SQ303 where it could not start, was killed, or ran out of time.
 */
export type Git = (call: GitCall) => Promise<GitResult>;

/** ms that git may take to put its things in order once it was told to end. */
const GRACE = 500;

/** What a repository may say that makes git run something, put out of action; see git-config(1). */
const CONFIG = [
  'core.hooksPath=/dev/null',
  'core.fsmonitor=false',
  'core.untrackedCache=false',
  'core.pager=cat',
  'protocol.ext.allow=never',
  'submodule.recurse=false',
  'fetch.recurseSubmodules=false',
  'gc.autoDetach=false',
  'maintenance.autoDetach=false',
  'advice.detachedHead=false',
];

/** A default that asks nobody; the daemon's own GIT_SSH_COMMAND stands before it, as with git itself. */
const SSH = 'ssh -oBatchMode=yes';

/** Of the daemon's environment, what says how to reach a remote (git(1)). Other variables of git's are not passed on. */
const REMOTE_VARIABLES = [
  'GIT_SSH_COMMAND',
  'GIT_SSH_VARIANT',
  'GIT_SSL_CAINFO',
  'GIT_SSL_CAPATH',
  'GIT_SSL_CERT',
  'GIT_SSL_KEY',
  'GIT_SSL_NO_VERIFY',
  'GIT_PROXY_SSL_CAINFO',
];

/** What we set ourselves, of all that simple-git would keep from git. */
const OURS = [
  ...REMOTE_VARIABLES,
  'GIT_DIR',
  'GIT_WORK_TREE',
  'GIT_ALLOW_PROTOCOL',
  'GIT_ASKPASS',
  'GIT_ATTR_NOSYSTEM',
  'GIT_CONFIG_GLOBAL',
  'GIT_CONFIG_NOSYSTEM',
  'GIT_NO_LAZY_FETCH',
  'GIT_NO_REPLACE_OBJECTS',
  'GIT_OPTIONAL_LOCKS',
  'GIT_TERMINAL_PROMPT',
  'SSH_ASKPASS',
];

/** simple-git guards against arguments from outside; here they are ours, and mostly turn off what it guards against. */
const UNSAFE: NonNullable<SimpleGitOptions['unsafe']> = {
  allowUnsafeAskPass: true,
  allowUnsafeConfigPaths: true,
  allowUnsafeCustomBinary: true,
  allowUnsafeFsMonitor: true,
  allowUnsafeGpgProgram: true,
  allowUnsafeHooksPath: true,
  allowUnsafeInclude: true,
  allowUnsafePager: true,
  allowUnsafeProtocolOverride: true,
  allowUnsafeSshCommand: true,
  allowUnsafeTemplateDir: true,
};

/** `program`: another git than the one in PATH. */
export function createGit(program = 'git'): Git {
  return async (call) => {
    if (call.signal?.aborted) throw toldToEnd(call);
    const stop = new AbortController();
    const mark = `${call.owner ?? 'squall'}:${randomUUID()}`;
    const result = start(program, call, mark, stop.signal);
    const limits = limit(call, mark, stop);
    try {
      const { code, stdout, stderr } = await Promise.race([result, limits.passed]);
      if (limits.ended()) throw limits.ended();
      if (code === null) throw new SquallError('SQ303', `${program} was killed`, { terminal: false });
      if (code < 0) throw notStarted(program, stderr);
      return { code, stdout, stderr };
    } finally {
      limits.cancel();
      if (limits.ended()) endMarked(mark); // a child that holds none of its pipes outlives git
    }
  };
}

/** The git of this machine. */
export const runGit: Git = createGit();

type Ended = Omit<GitResult, 'code'> & { code: number | null };

/** A failure to start is a negative code: an errno. A null: a signal ended it. */
async function start(program: string, call: GitCall, mark: string, signal: AbortSignal): Promise<Ended> {
  let ended: Ended | undefined;
  const { input } = call;
  const options: Partial<SimpleGitOptions> = {
    baseDir: call.cwd,
    binary: program,
    config: [...CONFIG, ...(call.config ?? [])],
    completion: { onClose: true, onExit: false }, // at the exit the output may not be read to its end
    abort: signal,
    allowEnvironment: OURS,
    unsafe: UNSAFE,
    errors: (_error, { exitCode, stdOut, stdErr }) => {
      ended = { code: exitCode, stdout: Buffer.concat(stdOut), stderr: Buffer.concat(stdErr).toString() };
      return undefined;
    },
    ...(input !== undefined && { input: () => input }),
  };
  await simpleGit(options)
    .env(environment(call, mark))
    .outputHandler((_program, output) => saySomething(output))
    .raw([...call.args]);
  return ended ?? { code: null, stdout: Buffer.alloc(0), stderr: '' };
}

/** simple-git waits 50 ms more for a program that said nothing: so its end counts as something said. */
function saySomething(output: EventEmitter): void {
  output.once('end', () => output.emit('data', Buffer.alloc(0)));
}

function environment({ gitDir, workTree, remote }: GitCall, mark: string): Record<string, string> {
  return {
    ...(remote ? inherited() : LOCAL),
    PATH: searchPath().join(':'),
    LC_ALL: 'C',
    GIT_DIR: gitDir,
    ...(workTree !== undefined && { GIT_WORK_TREE: workTree }),
    // names what alone is allowed, over any configuration
    GIT_ALLOW_PROTOCOL: remote ? 'https:http:ssh:git:file' : 'none',
    GIT_NO_REPLACE_OBJECTS: '1',
    GIT_OPTIONAL_LOCKS: '0',
    GIT_TERMINAL_PROMPT: '0',
    GIT_ASKPASS: '',
    SSH_ASKPASS: 'false',
    SSH_ASKPASS_REQUIRE: 'force',
    [MARK]: mark,
  };
}

/** For a git that reads one repository only. */
const LOCAL = {
  HOME: '/nonexistent',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_ATTR_NOSYSTEM: '1',
  GIT_NO_LAZY_FETCH: '1',
};

/** The daemon's environment without what would make git another one, or start an editor or a pager. */
function inherited(): Record<string, string> {
  const kept: Record<string, string> = { GIT_SSH_COMMAND: SSH };
  const guarded = /^(GIT_.*|EDITOR|VISUAL|PAGER|PREFIX|SSH_ASKPASS)$/i;
  for (const [name, value] of Object.entries(process.env)) {
    if (value === undefined || (guarded.test(name) && !REMOTE_VARIABLES.includes(name))) continue;
    kept[name] = value;
  }
  return kept;
}

interface Limits {
  /** Rejects once git did not even end when it was told to. */
  passed: Promise<never>;
  /** Why git was told to end; undefined where it was not. */
  ended(): Error | undefined;
  cancel(): void;
}

/** Ends git by SIGINT, for then it takes its own children and locks along; what is left after that by SIGKILL. */
function limit(call: GitCall, mark: string, stop: AbortController): Limits {
  const { timeout = EXEC_LIMIT, signal } = call;
  const over = Promise.withResolvers<never>();
  over.promise.catch(() => {}); // nobody may be waiting any more
  let ended: Error | undefined;
  let cancelKill = () => {};
  const end = (why: Error) => {
    if (ended) return;
    ended = why;
    stop.abort();
    cancelKill = systemClock.after(GRACE, () => {
      endMarked(mark);
      over.reject(why);
    });
  };
  const late = `git ${call.args[0]} did not end within ${timeout} ms`;
  const cancelLimit = systemClock.after(timeout, () =>
    end(new SquallError('SQ303', late, { terminal: false })),
  );
  const told = () => end(toldToEnd(call));
  signal?.addEventListener('abort', told, { once: true });
  return {
    passed: over.promise,
    ended: () => ended,
    cancel: () => {
      cancelLimit();
      cancelKill();
      signal?.removeEventListener('abort', told);
    },
  };
}

function toldToEnd({ args }: GitCall): SquallError {
  return new SquallError('SQ303', `git ${args[0]} was told to end`, { terminal: false });
}

function notStarted(program: string, stderr: string): SquallError {
  const [, reason = 'unknown reason'] = /spawn \S+ ([A-Z]+)/.exec(stderr) ?? [];
  if (reason !== 'ENOENT') {
    return new SquallError('SQ303', `${program} could not start: ${reason}`, { terminal: false });
  }
  return new SquallError('SQ306', `${program} is not installed`, {
    hint: 'Install the package git on the machine the daemon runs on',
  });
}
