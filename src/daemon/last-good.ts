import type { AnyManifest } from '../core/kinds.ts';
import type { Journal } from '../journal/journal.ts';

/** What files declared last, as far as it was right. What an owner made is wanted by that owner, not by a file. */
export function lastGood({ experiments, objects, spawned }: Journal): AnyManifest[] {
  const declared = experiments
    .all()
    .filter(({ owner }) => owner === null)
    .map(
      ({ name, labels, spec, specHash, source }): AnyManifest => ({
        kind: 'Experiment',
        name,
        labels,
        spec,
        specHash,
        source,
      }),
    );
  const others = objects
    .all()
    .filter(({ kind, name }) => kind !== 'Scenario' || !spawned.get(kind, name))
    .filter(({ specHash }) => specHash !== '') // a Policy that was never right
    .map(
      ({ kind, name, labels, spec, specHash, source }) =>
        ({ kind, name, labels, spec, specHash, source }) as AnyManifest,
    );
  return [...declared, ...others];
}
