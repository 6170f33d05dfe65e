import {
  type AnyManifest,
  type Kind,
  type Manifest,
  type ObjectId,
  type ObjectKind,
  type Owner,
  objectId,
  parseObjectId,
  type Spawned,
} from '../core/kinds.ts';
import type { Journal } from '../journal/journal.ts';
import type { DesiredState } from '../manifests/desired.ts';
import { specHash } from '../manifests/spec-hash.ts';

/** Where it is written what is wanted. */
export interface WantedSources {
  journal: Journal;
  manifests: { state(): DesiredState };
}

/** What is wanted under a name: by a file, or else by an owner that is wanted itself. */
export function wanted<K extends Kind>(
  sources: WantedSources,
  kind: K,
  name: string,
): Manifest<K> | undefined {
  const declared = sources.manifests.state().objects.get(objectId(kind, name));
  if (declared) return declared as unknown as Manifest<K>;
  if (kind !== 'Experiment' && kind !== 'Scenario') return undefined;
  const spawned = sources.journal.spawned.get(kind, name);
  if (!spawned || isTakenOver(sources, kind, name) || !isWanted(sources, spawned.owner)) return undefined;
  return manifestOf(spawned) as unknown as Manifest<K>;
}

/** A file declared the name after an owner had spawned it: with the file gone, what stands under the name is to go. */
function isTakenOver({ journal }: WantedSources, kind: Kind, name: string): boolean {
  return kind === 'Experiment' && journal.experiments.get(name)?.owner === null;
}

/** The owner is there still, and the very one that spawned it. */
function isWanted(sources: WantedSources, { kind, name, uid }: Owner): boolean {
  const record = sources.journal.objects.get(kind, name);
  return record?.uid === uid && wanted(sources, kind, name) !== undefined;
}

function manifestOf(spawned: Spawned): AnyManifest {
  const { kind, name, owner, copyOf, spec, labels, source } = spawned;
  const manifest = { kind, name, labels, spec, specHash: specHash(spec), source, owner };
  return (copyOf === null ? manifest : { ...manifest, copyOf }) as AnyManifest;
}

/** Everything that files, owners and the journal know of. */
export function knownObjects({ journal, manifests }: WantedSources): Set<ObjectId> {
  return new Set<ObjectId>([
    ...manifests.state().objects.keys(),
    ...journal.spawned.all().map(({ kind, name }) => objectId(kind, name)),
    ...journal.experiments.all().map(({ name }) => objectId('Experiment', name)),
    ...journal.objects.all().map(({ kind, name }) => objectId(kind, name)),
  ]);
}

/** An id of anything but an experiment. */
export function parseObject(id: ObjectId): { kind: ObjectKind; name: string } | undefined {
  const { kind, name } = parseObjectId(id);
  return kind === 'Experiment' ? undefined : { kind, name };
}
