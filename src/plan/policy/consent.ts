import type { ErrorCode } from '../../core/errors.ts';
import type { PolicySpec } from '../../core/kinds.ts';
import { LABEL_ENABLED, LABEL_PROTECT, LABEL_SELF } from '../../core/marks.ts';
import { namespaceOwner } from '../../core/namespaces.ts';
import type { Container, FaultSpec } from '../../core/types.ts';
import type { Refusal } from '../actions.ts';
import { hitBy } from '../hit.ts';
import type { PlanInput } from '../input.ts';
import { globMatches, matches } from '../select.ts';
import { type Limits, limitsOf } from './limits.ts';
import { names } from './words.ts';

/** What decides who may be hit. */
export interface Consent {
  containers: readonly Container[];
  /** Ids of Squall's own containers. */
  self: ReadonlySet<string>;
  limits: Pick<Limits, 'optIn' | 'protect' | 'networks'>;
}

/** Why a container may not be hit: `web-0`, `is`, `protected by Policy default`. */
export interface Bar {
  code: ErrorCode;
  reason: 'NotOptedIn' | 'Protected' | 'NetworkNotAllowed';
  verb: 'is' | 'has';
  rest: string;
}

export function consentOf({ world, self, policies }: PlanInput): Consent {
  return { containers: world.containers, self, limits: limitsOf(policies) };
}

/** Undefined where the container may be hit. All Policies that say something must agree. */
export function barOf(container: Container, consent: Consent): Bar | undefined {
  return notOptedIn(container, consent) ?? isProtected(container, consent) ?? offNetwork(container, consent);
}

/** The Policy that the container has not said yes to; undefined where it has, an empty text where no Policy says anything. */
export function optInOf(container: Container, { limits }: Consent): string | undefined {
  if (container.labels[LABEL_ENABLED] === 'true') return undefined;
  if (limits.optIn.length === 0) return '';
  return limits.optIn.find(({ rule }) => !asksNothing(rule, container))?.policy;
}

/** Of one without the label. */
function asksNothing(rule: NonNullable<PolicySpec['optIn']>, container: Container): boolean {
  if (rule === 'none') return true;
  return rule !== 'label' && matches(rule.select, container);
}

function notOptedIn(container: Container, consent: Consent): Bar | undefined {
  const policy = optInOf(container, consent);
  if (policy === undefined) return undefined;
  const rest = policy === '' ? 'not opted in' : `not opted in as Policy ${policy} asks`;
  return { code: 'SQ202', reason: 'NotOptedIn', verb: 'has', rest };
}

function isProtected(container: Container, { self, limits }: Consent): Bar | undefined {
  const { id, labels } = container;
  const bar = (by: string): Bar => ({
    code: 'SQ203',
    reason: 'Protected',
    verb: 'is',
    rest: `protected${by}`,
  });
  if (self.has(id) || labels[LABEL_SELF] !== undefined || labels[LABEL_PROTECT] === 'true') return bar('');
  const said = limits.protect.find(({ selectors }) => selectors.some((one) => matches(one, container)));
  return said && bar(` by Policy ${said.policy}`);
}

function offNetwork(container: Container, { containers, limits }: Consent): Bar | undefined {
  if (limits.networks.length === 0) return undefined;
  const networks = networksOf(container, containers);
  for (const { policy, globs } of limits.networks) {
    const other = networks.find((network) => !globs.some((glob) => globMatches(glob, network)));
    if (other === undefined) continue;
    const rest = `on network ${other}, which Policy ${policy} does not allow`;
    return { code: 'SQ212', reason: 'NetworkNotAllowed', verb: 'is', rest };
  }
  return undefined;
}

/**
 * The networks of the namespace that the container lives in. One without any counts as on `none`, as Docker calls it: who lists
 * networks means nobody outside of them.
 */
function networksOf(container: Container, containers: readonly Container[]): string[] {
  const owner = namespaceOwner(container, containers);
  const { attachments } = containers.find(({ id }) => id === owner) ?? container;
  return attachments.length > 0 ? attachments.map(({ network }) => network) : ['none'];
}

/** `web-0, web-1 are protected`. */
export function sentence(containers: readonly Container[], { verb, rest }: Bar): string {
  const plural = verb === 'is' ? 'are' : 'have';
  return `${names(containers)} ${containers.length === 1 ? verb : plural} ${rest}`;
}

/** The first of the targets that may not be hit. */
export function refuseTargets(targets: readonly Container[], consent: Consent): Refusal | undefined {
  for (const target of targets) {
    const bar = barOf(target, consent);
    if (bar) return { code: bar.code, reason: bar.reason, message: sentence([target], bar) };
  }
  return undefined;
}

/** Containers that would be hit only because they share a target's network namespace have a say too. */
export function refuseSharers(
  faults: readonly FaultSpec[],
  targets: readonly Container[],
  consent: Consent,
): Refusal | undefined {
  for (const sharer of hitBy(faults, targets, consent.containers).slice(targets.length)) {
    const bar = barOf(sharer, consent);
    if (!bar) continue;
    const message = `${sharer.name} shares a network namespace with a target and ${bar.verb} ${bar.rest}`;
    return { code: 'SQ205', reason: 'SharedNamespace', message };
  }
  return undefined;
}
