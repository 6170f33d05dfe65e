import type { Json } from '../../core/canonical.ts';
import { type AnyManifest, type Kind, type ObjectId, parseObjectId } from '../../core/kinds.ts';
import type { DesiredState } from '../../manifests/desired.ts';
import type { Drafted } from '../../plan/drafts.ts';
import {
  type AffectedObject,
  type CheckSummary,
  type FieldChange,
  type ObjectChange,
  objectName,
  type PlanCheck,
  type Preview,
} from '../../report/plan-check.ts';
import { limitChanges } from './limits.ts';
import { messageOf, previewDeclared, previewObject, startedIds, type Tree } from './objects.ts';
import type { PreviewWorld } from './preview.ts';
import { diffFields } from './spec-diff.ts';

/** What is in the world of an object now. */
export type ActiveOf = (kind: Kind, name: string) => ObjectChange['active'];

export type Compared = Pick<PlanCheck, 'objects' | 'affected' | 'limits' | 'summary'>;

/** What the change from one desired state to another would do, on these containers. Pure. */
export function compareStates(
  base: DesiredState,
  head: DesiredState,
  world: PreviewWorld,
  activeOf: ActiveOf = () => [],
): Compared {
  const ids = [...new Set([...base.objects.keys(), ...head.objects.keys()])].sort(byKindAndName);
  const fields = new Map(ids.map((id) => [id, fieldsOf(base.objects.get(id), head.objects.get(id))]));
  const edited = ids.filter((id) => fields.get(id)?.length !== 0);
  const [before, after] = [
    previewAll({ state: base, world }, new Set()),
    previewAll({ state: head, world }, new Set(edited)),
  ];
  const starters = startersOf(head);
  const objects = edited.map((id): ObjectChange => {
    const [old, fresh] = [base.objects.get(id), head.objects.get(id)];
    const { kind, name, source } = (fresh ?? old) as AnyManifest;
    return {
      change: old === undefined ? 'added' : fresh === undefined ? 'removed' : 'changed',
      kind,
      name,
      source,
      fields: old && fresh ? (fields.get(id) ?? []) : [],
      before: before.get(id) ?? null,
      after: after.get(id) ?? null,
      startedBy: (starters.get(id) ?? []).map((starter) => objectName(parseObjectId(starter))),
      active: activeOf(kind, name),
    };
  });
  const unchanged = ids.filter((id) => !edited.includes(id));
  const affected = unchanged.flatMap((id) => affectedOf(head.objects.get(id), before.get(id), after.get(id)));
  const policies = [base, head].map(({ policies }) => [...policies.values()]) as [[], []];
  const limits = limitChanges(...policies, world.clock.now());
  return { summary: summaryOf({ objects, affected, limits }, unchanged.length), objects, affected, limits };
}

const ORDER: Record<Kind, number> = { Policy: 0, Experiment: 1, Scenario: 2, Schedule: 3 };

function byKindAndName(a: ObjectId, b: ObjectId): number {
  const [one, other] = [parseObjectId(a), parseObjectId(b)];
  return ORDER[one.kind] - ORDER[other.kind] || (one.name < other.name ? -1 : 1);
}

/** Empty where nothing that a daemon minds is changed; one that stands in another file is the same. */
function fieldsOf(before: AnyManifest | undefined, after: AnyManifest | undefined): FieldChange[] {
  return diffFields(contentOf(before), contentOf(after), []);
}

function contentOf(manifest: AnyManifest | undefined): Json | undefined {
  if (!manifest) return undefined;
  const { suspend, ...spec } = manifest.spec as { suspend?: boolean };
  const said = { metadata: { labels: manifest.labels }, spec: suspend ? { ...spec, suspend } : spec };
  return said as unknown as Json;
}

/** Of `starting` the experiments start together, each beside those before it. */
function previewAll(tree: Tree, starting: ReadonlySet<ObjectId>): Map<ObjectId, Preview> {
  const previews = new Map<ObjectId, Preview>();
  const drafted: Drafted[] = [];
  for (const [id, manifest] of tree.state.objects) {
    if (manifest.kind !== 'Experiment' || !starting.has(id)) {
      previews.set(id, previewObject(tree, manifest));
      continue;
    }
    const made = previewDeclared(tree, manifest, drafted);
    previews.set(id, made.preview);
    if (made.drafted) drafted.push(made.drafted);
  }
  for (const [id, preview] of previews) {
    const { kind, name } = parseObjectId(id);
    if (kind === 'Policy') previews.set(id, { ...preview, refuses: refusedBy(name, previews) });
  }
  return previews;
}

/** Every refusal of a Policy names it. */
function refusedBy(policy: string, previews: ReadonlyMap<ObjectId, Preview>): Preview['refuses'] {
  const named = new RegExp(`\\bPolicy ${policy}(?![\\w-])`);
  return [...previews].flatMap(([id, { experiments }]) => {
    const said = experiments.find(({ outcome, message }) => isAgainst(outcome) && named.test(message));
    if (!said || !isAgainst(said.outcome)) return [];
    const { outcome, message } = said;
    return [{ object: objectName(parseObjectId(id)), outcome, message }];
  });
}

function isAgainst(outcome: string): outcome is 'waits' | 'refused' {
  return outcome === 'waits' || outcome === 'refused';
}

function startersOf({ objects }: DesiredState): Map<ObjectId, ObjectId[]> {
  const starters = new Map<ObjectId, ObjectId[]>();
  for (const [id, manifest] of objects)
    for (const started of startedIds(manifest)) starters.set(started, [...(starters.get(started) ?? []), id]);
  return starters;
}

function affectedOf(
  manifest: AnyManifest | undefined,
  before: Preview | undefined,
  after: Preview | undefined,
): AffectedObject[] {
  if (!manifest || !before || !after || before.outcome === after.outcome) return [];
  const { kind, name, source } = manifest;
  const message = messageOf(after.experiments, after.outcome);
  return [{ kind, name, source, before: before.outcome, after: after.outcome, message }];
}

function summaryOf(
  { objects, affected, limits }: Omit<Compared, 'summary'>,
  unchanged: number,
): CheckSummary {
  const changes = (change: ObjectChange['change']) => objects.filter((one) => one.change === change).length;
  const fresh = objects.map(({ after }) => after).filter((after) => after !== null);
  const live = fresh.filter(({ suspended }) => !suspended);
  const hit = live.flatMap(({ experiments }) =>
    experiments
      .filter(({ outcome }) => outcome === 'hits')
      .flatMap(({ targets, sharers }) => [...targets, ...sharers]),
  );
  const refused = [...fresh.map(({ outcome }) => outcome), ...affected.map(({ after }) => after)];
  return {
    added: changes('added'),
    changed: changes('changed'),
    removed: changes('removed'),
    unchanged,
    refused: refused.filter((outcome) => outcome === 'refused').length,
    loosened: limits.filter(({ direction }) => direction !== 'tighter').length,
    hit: new Set(hit).size,
    unknown: live.filter(({ experiments }) => experiments.some(({ outcome }) => outcome === 'unknown'))
      .length,
  };
}
