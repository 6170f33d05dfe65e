import type { ObjectHandler } from './objects.ts';

/** A Policy does nothing itself: every plan reads it. What is remembered is the last version that was right. */
export const policyHandler: ObjectHandler<'Policy'> = {
  kind: 'Policy',
  pass: (_, record, { stale, conflict, unknown }) => {
    const problem = stale ?? conflict;
    if (problem === undefined)
      return { record: { ...record, phase: 'Active', reason: 'Accepted', message: '' } };
    const reason = conflict ? 'NameTaken' : unknown ? 'Unknown' : 'Stale';
    const changed = record.reason !== reason || record.message !== problem;
    const next = { ...record, phase: 'Invalid', reason, message: problem };
    const event = {
      object: `Policy/${record.name}` as const,
      experiment: null,
      reason,
      message: problem,
      warning: true,
    };
    return { record: next, events: changed ? [event] : [] };
  },
};
