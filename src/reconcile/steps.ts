/** The places in the life of an effect where a crash is worth testing, in order. */
export const STEPS = [
  'before-intent',
  'after-intent',
  'after-inject',
  'after-injected-mark',
  'before-recover',
  'after-claim',
  'after-recover',
  'after-recovered-mark',
  'before-finish',
  'after-finish',
] as const;

export type Step = (typeof STEPS)[number];

/** Called at each step. In production it does nothing; the crash tests stop the process in it. */
export type AtStep = (step: Step) => void;
