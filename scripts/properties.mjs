/**
 * Loaded before each test file under CI: properties draw from one seed there, so that a red run is red for a change and not for its
 * luck. At a desk they draw anew each time, and find more.
 */
import fc from 'fast-check';

fc.configureGlobal({ seed: 20_241_124 });
