import type { Container, ExperimentRecord, Run } from '../../core/types.ts';
import type { Refusal } from '../actions.ts';
import type { Asked } from '../asked.ts';
import { hitBy, hitByEffects, hitByRun, serviceKey } from '../hit.ts';
import type { PlanInput } from '../input.ts';
import { matches } from '../select.ts';
import { barOf, consentOf } from './consent.ts';
import { highest, type Limit, type Limits, lowest } from './limits.ts';
import { inOrder } from './order.ts';

/** The tightest of the shares of a service that must be left alone. */
interface Shares {
  maxPercent: Limit | undefined;
  minHealthy: Limit | undefined;
}

interface Members {
  service: string;
  members: readonly Container[];
}

/** maxPercent and minHealthy count per service, together with what is already down for any reason. */
export function refuseShares(input: PlanInput, limits: Limits, asked: Asked): Refusal | undefined {
  const { blastRadius, candidates } = asked;
  const own = (value: number | undefined) => (value === undefined ? [] : [{ value, policy: undefined }]);
  const given = (limit: Limit | undefined) => (limit ? [limit] : []);
  const shares = {
    maxPercent: lowest([...given(limits.maxPercent), ...own(blastRadius?.maxPercent)]),
    minHealthy: highest([...given(limits.minHealthy), ...own(blastRadius?.minHealthy)]),
  };
  if (!shares.maxPercent && !shares.minHealthy) return undefined;
  const { containers } = input.world;
  const hit = hitBy(asked.faults, asked.chosen, containers);
  const disturbed = idsOf([
    ...hit,
    ...hitByEffects(input.others, containers),
    ...input.running.flatMap((run) => hitByRun(run, containers)),
  ]);
  for (const { containerId } of input.foreign) disturbed.add(containerId);
  const isDown = (member: Container) => disturbed.has(member.id) || !isHealthy(member);
  return judge(servicesOf(hit, candidates, containers), isDown, shares, 'would');
}

/**
 * Whether a service that the run hits has too little left while it goes on. What later runs and those that are ending have down is
 * left out: the later ones end first, and are asked by themselves.
 */
export function endShares(
  input: PlanInput,
  limits: Limits,
  record: ExperimentRecord,
  run: Run,
): Refusal | undefined {
  const { maxPercent, minHealthy } = limits;
  if (!maxPercent && !minHealthy) return undefined;
  const { containers } = input.world;
  const runs = inOrder(input, run);
  const until = runs.indexOf(run) + 1;
  const hitByAll = (some: readonly Run[]) => some.flatMap((one) => hitByRun(one, containers));
  const blamed = idsOf(hitByAll(runs.slice(0, until)));
  for (const { containerId } of input.foreign) blamed.add(containerId);
  const ending = input.running.filter(({ phase }) => phase === 'Recovering');
  const excused = idsOf(hitByAll([...runs.slice(until), ...ending]));
  const isDown = ({ id, ...member }: Container) =>
    blamed.has(id) || (!excused.has(id) && !isHealthy({ id, ...member }));
  const candidates = candidatesOf(input, record);
  return judge(
    servicesOf(hitByRun(run, containers), candidates, containers),
    isDown,
    { maxPercent, minHealthy },
    'is',
  );
}

function candidatesOf(input: PlanInput, { spec }: ExperimentRecord): Container[] {
  const consent = consentOf(input);
  return input.world.containers.filter(
    (container) => container.pid > 0 && matches(spec.targets.select, container) && !barOf(container, consent),
  );
}

/** The first service of which too much is down. */
function judge(
  services: readonly Members[],
  isDown: (member: Container) => boolean,
  { maxPercent, minHealthy }: Shares,
  mood: 'would' | 'is',
): Refusal | undefined {
  for (const { service, members } of services) {
    const down = members.filter(isDown).length;
    const left = members.length - down;
    const of = `of ${members.length} containers of ${service}`;
    if (maxPercent && down * 100 > maxPercent.value * members.length) {
      const be = mood === 'would' ? 'would be' : 'are';
      return over(maxPercent, `${down} ${of} ${be} down, maxPercent allows ${maxPercent.value} %`);
    }
    if (minHealthy && left < minHealthy.value) {
      const stay = mood === 'would' ? 'would stay' : 'are';
      return over(minHealthy, `${left} ${of} ${stay} healthy, minHealthy asks for ${minHealthy.value}`);
    }
  }
  return undefined;
}

function over({ policy }: Limit, message: string): Refusal {
  if (policy === undefined) return { code: 'SQ204', reason: 'BlastRadius', message };
  return { code: 'SQ217', reason: 'TooManyDown', message: `Policy ${policy}: ${message}` };
}

/** The services that are hit, each with all its containers; those without a service label stand together as the selection. */
function servicesOf(
  hit: readonly Container[],
  candidates: readonly Container[],
  containers: readonly Container[],
): Members[] {
  return [...new Set(hit.map(serviceKey))].map((service) => {
    if (service !== undefined)
      return { service, members: containers.filter((container) => serviceKey(container) === service) };
    const unlabelled = [...hit, ...candidates].filter((container) => serviceKey(container) === undefined);
    return {
      service: 'the selection',
      members: [...new Map(unlabelled.map((one) => [one.id, one])).values()],
    };
  });
}

function idsOf(containers: readonly Container[]): Set<string> {
  return new Set(containers.map(({ id }) => id));
}

function isHealthy({ state, health }: Container): boolean {
  return state === 'running' && health !== 'unhealthy' && health !== 'starting';
}
