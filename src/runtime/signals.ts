/** Numbers on Linux (signal(7): x86, ARM and most others). Those that stop a process are left out: nothing would go on by itself. */
const SIGNALS: Record<string, number> = {
  HUP: 1,
  INT: 2,
  QUIT: 3,
  ILL: 4,
  TRAP: 5,
  ABRT: 6,
  BUS: 7,
  FPE: 8,
  KILL: 9,
  USR1: 10,
  SEGV: 11,
  USR2: 12,
  PIPE: 13,
  ALRM: 14,
  TERM: 15,
  STKFLT: 16,
  CHLD: 17,
  CONT: 18,
  URG: 23,
  XCPU: 24,
  XFSZ: 25,
  VTALRM: 26,
  PROF: 27,
  WINCH: 28,
  IO: 29,
  PWR: 30,
  SYS: 31,
};

/** STOP, TSTP, TTIN, TTOU. */
const STOPPING = [19, 20, 21, 22];

export const SIGKILL = 9;

/** Names as `kill -l` gives them. */
export const SIGNAL_NAMES: readonly string[] = Object.keys(SIGNALS).map((name) => `SIG${name}`);

/** The number of a signal given by name (with or without SIG) or by number, real-time ones too; undefined for anything else. */
export function parseSignal(signal: unknown): number | undefined {
  const number = typeof signal === 'string' ? SIGNALS[signal.replace(/^SIG/, '')] : signal;
  if (typeof number !== 'number' || !Number.isInteger(number) || number < 1 || number > 64) return undefined;
  return STOPPING.includes(number) ? undefined : number;
}
