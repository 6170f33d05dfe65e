/**
 * The one table of errors. A code never changes its meaning: users search for it, and docs/errors.md lists it.
 * SQ1xx manifests, SQ2xx guard, SQ3xx runtime (engine, namespaces, journal), SQ4xx faults, SQ5xx command line and API.
 */
export const ERRORS = {
  SQ101: {
    title: 'The manifest does not parse',
    exit: 2,
    status: 422,
    remedy:
      'Mend the syntax at the line that is named. Until then the last good version stands, to its deadline.',
  },
  SQ102: {
    title: 'The manifest does not match its schema',
    exit: 2,
    status: 422,
    remedy:
      'Compare the field with docs/reference.md; the message says what was expected and what was found.',
  },
  SQ103: {
    title: 'Unknown kind or apiVersion',
    exit: 2,
    status: 422,
    remedy: 'Use `apiVersion: squall/v1` and a kind that this version knows.',
  },
  SQ104: {
    title: 'Two files declare one name differently',
    exit: 2,
    status: 422,
    remedy:
      'Rename or remove one of the two; both places are named. Nothing new starts under that name until then.',
  },
  SQ105: {
    title: 'The file is over a limit',
    exit: 2,
    status: 422,
    remedy: 'Split the file: 1 MiB and 1,000 documents at most.',
  },
  SQ106: {
    title: 'The manifest directory cannot be read',
    exit: 2,
    status: 422,
    remedy: 'Check that the path exists and may be read by the daemon.',
  },
  SQ201: {
    title: 'No container matches',
    exit: 1,
    status: 409,
    remedy: 'Check the selector with `squall plan`; the run starts when something matches.',
  },
  SQ202: {
    title: 'A container has not opted in',
    exit: 1,
    status: 409,
    remedy:
      'Re-create the container with the label `squall.enabled=true` (labels of a running one cannot change), or let `optIn` of a Policy select it.',
  },
  SQ203: {
    title: 'A container is protected',
    exit: 1,
    status: 409,
    remedy:
      'Choose other targets, or take `squall.protect=true` off when you re-create it, or change `protect` of the Policy that is named.',
  },
  SQ204: {
    title: 'Over the blast radius',
    exit: 1,
    status: 409,
    remedy:
      'Narrow the selection, or raise `blastRadius` if that many may be hit. A selection is never trimmed.',
  },
  SQ205: {
    title: 'The target shares a namespace with one that refuses',
    exit: 1,
    status: 409,
    remedy: 'Let every container of the shared network namespace opt in, or choose other targets.',
  },
  SQ206: {
    title: 'Conflict with another experiment',
    exit: 1,
    status: 409,
    remedy: 'Wait for the other experiment, which is named, or select other targets or other packets.',
  },
  SQ207: {
    title: 'Halted',
    exit: 1,
    status: 409,
    remedy: '`squall resume NAME` or `squall resume --all` lifts it.',
  },
  SQ208: {
    title: 'The fault refuses this target',
    exit: 1,
    status: 409,
    remedy: 'The message says what the fault cannot do there; choose another fault or target.',
  },
  SQ209: {
    title: 'A peer does not resolve',
    exit: 1,
    status: 409,
    remedy: 'Start the peer or mend its name. An unresolved peer refuses, it never means everything.',
  },
  SQ210: {
    title: 'A Policy cannot be read',
    exit: 1,
    status: 409,
    remedy:
      'Mend the file that is named. Nothing starts until then, for nobody knows what it wants; what runs goes on.',
  },
  SQ211: {
    title: 'A Policy is declared twice, differently',
    exit: 1,
    status: 409,
    remedy: 'Rename or remove one of the two; both places are named. Nothing starts until then.',
  },
  SQ212: {
    title: 'A container is on a network that a Policy does not allow',
    exit: 1,
    status: 409,
    remedy: 'Choose other targets, or add the network to `networks` of the Policy that is named.',
  },
  SQ213: {
    title: 'A Policy does not allow this kind of fault',
    exit: 1,
    status: 409,
    remedy: 'Use another kind of fault, or change `faults` of the Policy that is named.',
  },
  SQ214: {
    title: 'The run is longer than a Policy allows',
    exit: 1,
    status: 409,
    remedy: 'Shorten `duration`, or raise `maxDuration` of the Policy that is named.',
  },
  SQ215: {
    title: 'Too many runs at once',
    exit: 1,
    status: 409,
    remedy: 'Nothing to do: it starts when one of those that are named has ended.',
  },
  SQ216: {
    title: 'Too many containers would be hit at once',
    exit: 1,
    status: 409,
    remedy: 'Narrow the selection, or wait for the other experiments. A selection is never trimmed.',
  },
  SQ217: {
    title: 'Too much of a service would be down',
    exit: 1,
    status: 409,
    remedy:
      'Choose fewer of its containers, or wait until those that are down are back. What is down for any reason counts.',
  },
  SQ218: {
    title: 'The disruption budget is spent',
    exit: 1,
    status: 409,
    remedy:
      'Nothing to do: it starts when enough is free again. A shorter run, or one on fewer targets, may fit now.',
  },
  SQ219: {
    title: 'Outside of the hours in which chaos may run',
    exit: 1,
    status: 409,
    remedy: 'Nothing to do: it starts when a window opens that is long enough.',
  },
  SQ220: {
    title: 'The health gate does not hold',
    exit: 1,
    status: 409,
    remedy: 'Look after what the probe that is named tests. Chaos starts when it is well again.',
  },
  SQ301: {
    title: 'The Docker engine does not answer',
    exit: 1,
    status: 503,
    remedy:
      'Is the engine running, and may this user open its socket? `squall doctor` checks it. The daemon tries again by itself.',
  },
  SQ302: {
    title: 'The namespace is not the one expected',
    exit: 1,
    status: 409,
    remedy:
      'The container ended or was replaced meanwhile: the next pass looks again. On the host network it is refused for good.',
  },
  SQ303: {
    title: 'A program failed',
    exit: 1,
    status: 500,
    remedy: 'The message has what the program said. `squall doctor` checks the programs.',
  },
  SQ304: {
    title: 'Another daemon holds the lock',
    exit: 1,
    status: 409,
    remedy:
      'One daemon a state directory and an engine: stop the other, or give `--state` and `--instance` of its own.',
  },
  SQ305: {
    title: 'The journal cannot be read or written',
    exit: 1,
    status: 500,
    remedy:
      'Free space on the disk of the state directory, or use it as the user who may. Nothing is injected until then; faults still come out.',
  },
  SQ306: {
    title: 'A program or kernel feature is missing',
    exit: 1,
    status: 500,
    remedy: 'Install what is named, or load the kernel module; `squall doctor` says which.',
  },
  SQ307: {
    title: 'The target is gone',
    exit: 1,
    status: 410,
    remedy: 'Nothing to do: a target that is gone counts as recovered.',
  },
  SQ401: {
    title: 'Injection failed',
    exit: 1,
    status: 500,
    remedy: 'See the events of the experiment. What was changed on that target was undone.',
  },
  SQ402: {
    title: 'Recovery failed',
    exit: 1,
    status: 500,
    remedy: '`squall describe` names what is left and why; it is tried again at every resync.',
  },
  SQ403: {
    title: 'Something else already changed what the fault would change',
    exit: 1,
    status: 409,
    remedy: 'Undo what the other tool did, or wait for it.',
  },
  SQ501: { title: 'Bad usage', exit: 2, status: 400, remedy: 'See `squall --help`.' },
  SQ502: {
    title: 'Not found',
    exit: 1,
    status: 404,
    remedy: '`squall get experiments` lists what there is.',
  },
  SQ503: {
    title: 'No daemon answers',
    exit: 1,
    status: 503,
    remedy: 'Start the daemon, or name its state directory: `--state`. `halt` and `resume` work without one.',
  },
  SQ504: {
    title: 'Not allowed',
    exit: 1,
    status: 401,
    remedy:
      'Send `Authorization: Bearer TOKEN`, with the token of `--token-file` or SQUALL_TOKEN. The unix socket needs none.',
  },
} as const satisfies Record<string, { title: string; exit: 1 | 2; status: number; remedy: string }>;

export type ErrorCode = keyof typeof ERRORS;

/** An error a user is meant to read: what happened, where, and (in `hint`) what to do about it. */
export class SquallError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  /** False where trying again may help (the engine is restarting, say). */
  readonly terminal: boolean;

  constructor(
    code: ErrorCode,
    message: string,
    options: { hint?: string; terminal?: boolean; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'SquallError';
    this.code = code;
    this.hint = options.hint;
    this.terminal = options.terminal ?? true;
  }

  get exit(): 1 | 2 {
    return ERRORS[this.code].exit;
  }

  get status(): number {
    return ERRORS[this.code].status;
  }
}

/** One line for logs, conditions and terminals: `SQ209: redis does not resolve. Hint ...`. */
export function describeError(error: unknown): string {
  if (error instanceof SquallError) {
    return error.hint ? `${error.code}: ${error.message}. ${error.hint}` : `${error.code}: ${error.message}`;
  }
  return error instanceof Error ? error.message : String(error);
}
