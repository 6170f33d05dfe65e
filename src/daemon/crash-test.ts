import { type AtStep, STEPS } from '../reconcile/steps.ts';

/**
 * The crash tests' hook: with SQUALL_TEST_CRASH_AT=STEP in the environment the process ends itself there by SIGKILL, as a power cut
 * or the OOM killer would. Without it (always, outside of tests) a step does nothing.
 */
export function crashAt(env: NodeJS.ProcessEnv): AtStep {
  const wanted = STEPS.find((step) => step === env.SQUALL_TEST_CRASH_AT);
  if (!wanted) return () => {};
  return (step) => {
    if (step === wanted) process.kill(process.pid, 'SIGKILL');
  };
}
