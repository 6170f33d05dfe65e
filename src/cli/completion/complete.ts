import type { Command } from 'commander';
import { statePaths } from '../../daemon/paths.ts';
import { clean, isUnsafe } from '../../report/clean.ts';
import { stateDir } from '../context.ts';

import type { Io } from '../io.ts';
import { KIND_WORDS } from '../kinds.ts';
import { readJournal } from '../reads.ts';
import { modelOf, type Value } from './model.ts';
import { type Candidate, candidatesOf } from './names.ts';
import { type Place, placeOf } from './place.ts';

/**
 * For the scripts: what the last of the words (those after the program's name) may become, each on a line, a tab and a note behind it.
 * Reads the journal, writes nothing and never fails: whoever presses the tab key wants no message.
 */
export async function complete(io: Io, words: readonly string[], program: Command): Promise<void> {
  const place = placeOf(modelOf(program), words);
  const found = await candidates(place).catch(() => []);
  for (const { word, note } of found) {
    if (word.startsWith(place.typed) && !isUnsafe(word)) io.out(`${word}\t${clean(note)}\n`);
  }
}

async function candidates({ value, typed, given, options }: Place): Promise<Candidate[]> {
  if (value.kind === 'words') return wordsOf(value);
  if (value.kind !== 'names') return [];
  const state = stateDir(options.get('--state') ?? process.env.SQUALL_STATE);
  const journal = await readJournal(statePaths(state).journal);
  try {
    return candidatesOf(value.of, journal, KIND_WORDS, { typed, given });
  } finally {
    journal?.close();
  }
}

function wordsOf({ words }: Extract<Value, { kind: 'words' }>): Candidate[] {
  return words.map((word) => ({ word, note: '' }));
}
