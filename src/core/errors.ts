/**
 * The one table of errors. A code never changes its meaning: users search for it and the README lists it.
 * SQ1xx manifests, SQ2xx guard, SQ3xx runtime (engine, namespaces, journal), SQ4xx faults, SQ5xx command line and API.
 */
export const ERRORS = {
  SQ101: { title: 'The manifest does not parse', exit: 2, status: 422 },
  SQ102: { title: 'The manifest does not match its schema', exit: 2, status: 422 },
  SQ103: { title: 'Unknown kind or apiVersion', exit: 2, status: 422 },
  SQ104: { title: 'Two files declare one name differently', exit: 2, status: 422 },
  SQ105: { title: 'The file is over a limit', exit: 2, status: 422 },
  SQ106: { title: 'The manifest directory cannot be read', exit: 2, status: 422 },
  SQ201: { title: 'No container matches', exit: 1, status: 409 },
  SQ202: { title: 'A container has not opted in', exit: 1, status: 409 },
  SQ203: { title: 'A container is protected', exit: 1, status: 409 },
  SQ204: { title: 'Over the blast radius', exit: 1, status: 409 },
  SQ205: { title: 'The target shares a namespace with one that refuses', exit: 1, status: 409 },
  SQ206: { title: 'Conflict with another experiment', exit: 1, status: 409 },
  SQ207: { title: 'Halted', exit: 1, status: 409 },
  SQ208: { title: 'The fault refuses this target', exit: 1, status: 409 },
  SQ209: { title: 'A peer does not resolve', exit: 1, status: 409 },
  SQ301: { title: 'The Docker engine does not answer', exit: 1, status: 503 },
  SQ302: { title: 'The namespace is not the one expected', exit: 1, status: 409 },
  SQ303: { title: 'A program failed', exit: 1, status: 500 },
  SQ304: { title: 'Another daemon holds the lock', exit: 1, status: 409 },
  SQ305: { title: 'The journal cannot be written', exit: 1, status: 500 },
  SQ306: { title: 'A program or kernel feature is missing', exit: 1, status: 500 },
  SQ307: { title: 'The target is gone', exit: 1, status: 410 },
  SQ401: { title: 'Injection failed', exit: 1, status: 500 },
  SQ402: { title: 'Recovery failed', exit: 1, status: 500 },
  SQ403: { title: 'Something else already changed what the fault would change', exit: 1, status: 409 },
  SQ501: { title: 'Bad usage', exit: 2, status: 400 },
  SQ502: { title: 'Not found', exit: 1, status: 404 },
  SQ503: { title: 'No daemon answers', exit: 1, status: 503 },
} as const satisfies Record<string, { title: string; exit: 1 | 2; status: number }>;

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
