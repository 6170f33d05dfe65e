import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Command, Option } from 'commander';
import { bashScript } from '../../src/cli/completion/bash.ts';
import { fishScript } from '../../src/cli/completion/fish.ts';
import { type CommandModel, modelOf } from '../../src/cli/completion/model.ts';
import { placeOf } from '../../src/cli/completion/place.ts';
import { zshScript } from '../../src/cli/completion/zsh.ts';
import { createProgram } from '../../src/cli/program.ts';
import type { Journal } from '../../src/journal/journal.ts';
import { until } from '../lab/until.ts';
import { collector, fillObjects, fillState, record, type Scratch, scratch, squall } from './fixture.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
/** What a shell would do something with. Names can't be such; a journal that somebody made might hold them all the same. */
const NASTY = 'a b$(touch hacked)\'";`x`';
const MODEL = modelOf(createProgram({ io: collector({ out: '', err: '' }), code: 0 }));
const SCRIPTS = { bash: bashScript, zsh: zshScript, fish: fishScript };

let place: Scratch;
let state: string;
let work: string;
let journal: Journal;

const scriptOf = (shell: string) => join(place.dir, `squall.${shell}`);
const environment = () => ({
  ...process.env,
  PATH: [join(place.dir, 'bin'), process.env.PATH].join(delimiter),
  SQUALL_STATE: state,
  HOME: place.dir,
  TERM: 'dumb',
  LC_ALL: 'C.UTF-8',
});

function isInstalled(shell: string): boolean {
  return spawnSync(shell, ['-c', 'exit 0']).status === 0;
}

before(() => {
  place = scratch();
  state = join(place.dir, 'state');
  work = join(place.dir, 'work');
  journal = fillState(state);
  journal.experiments.put(record(NASTY));
  mkdirSync(join(work, 'sub'), { recursive: true });
  for (const name of ['a.yaml', 'b c.yaml']) writeFileSync(join(work, name), '');
  mkdirSync(join(place.dir, 'bin'));
  const program = join(place.dir, 'bin', 'squall');
  writeFileSync(program, `#!/bin/sh\nexec '${process.execPath}' '${MAIN}' "$@"\n`);
  chmodSync(program, 0o755);
  for (const [shell, script] of Object.entries(SCRIPTS)) writeFileSync(scriptOf(shell), script(MODEL));
});

after(() => {
  journal.close();
  place.remove();
});

/** Words that `squall __complete` offers, without their notes. */
async function offered(...words: string[]): Promise<string[]> {
  const { code, out, err } = await squall(['__complete', '--', ...words]);
  assert.deepEqual([code, err], [0, '']);
  return out
    .split('\n')
    .filter(Boolean)
    .map((line) => line.split('\t')[0] as string);
}

describe('__complete', () => {
  const at = () => ['--state', state];

  it('knows the names of the journal, where a verb takes them', async () => {
    for (const verb of ['run', 'halt', 'suspend', 'resume'])
      assert.deepEqual(await offered(verb, ...at(), ''), [NASTY, 'freeze', 'rest'], verb);
    assert.deepEqual(await offered('halt', ...at(), 'fr'), ['freeze']);
    assert.deepEqual(await offered('events', ...at(), '-e', 'r'), ['rest']);
    assert.deepEqual(await offered('logs', ...at(), '--experiment=r'), ['rest']);
    assert.deepEqual(await offered('run', ...at(), 'rest', ''), [], 'one is enough');
    assert.deepEqual(await offered('halt', ...at(), 'rest', ''), [NASTY, 'freeze'], 'each once');
  });

  it('knows kinds, the names of each, and KIND/NAME', async () => {
    assert.ok((await offered('get', '')).includes('experiments'));
    assert.deepEqual(await offered('get', 'ru'), ['runs']);
    assert.deepEqual(await offered('get', ...at(), '-o', 'json', 'exp', 'freeze', 're'), ['rest']);
    assert.deepEqual(await offered('get', ...at(), 'runs', ''), ['freeze-1']);
    assert.deepEqual(await offered('get', ...at(), 'exp/f'), ['exp/freeze']);
    assert.deepEqual(await offered('describe', ...at(), ''), [
      NASTY,
      'freeze',
      'rest',
      'experiment',
      'schedule',
      'scenario',
      'policy',
    ]);
    assert.deepEqual(await offered('describe', ...at(), 'experiment', 'f'), ['freeze']);
    assert.deepEqual(await offered('describe', ...at(), 'experiment/f'), ['experiment/freeze']);
    assert.deepEqual(await offered('get', ...at(), 'constructor', ''), []);
  });

  it('knows schedules, scenarios and policies', async () => {
    const kinds = { schedules: 'Schedule', scenarios: 'Scenario', policies: 'Policy' } as const;
    for (const [plural, kind] of Object.entries(kinds)) {
      const { candidatesOf } = await import('../../src/cli/completion/names.ts');
      const objects = { all: (of: string) => [{ name: `of-${of}`, phase: 'Active' }] };
      const found = candidatesOf(
        'of-kind',
        { objects } as unknown as Journal,
        { x: plural },
        { typed: '', given: ['x'] },
      );
      assert.deepEqual(found, [{ word: `of-${kind}`, note: 'Active' }]);
    }
  });

  it('knows them where they can be run, held, described and watched', async () => {
    const dir = join(place.dir, 'objects');
    const filled = fillState(dir);
    fillObjects(filled);
    filled.close();
    const there = ['--state', dir];
    for (const verb of ['run', 'halt', 'suspend', 'resume'])
      assert.deepEqual(await offered(verb, ...there, 's'), ['schedule/nightly', 'scenario/game-day'], verb);
    assert.deepEqual(await offered('halt', ...there, 'schedule/nightly', 's'), ['scenario/game-day']);
    assert.deepEqual(await offered('halt', ...there, 'sched/'), ['sched/nightly']);
    assert.deepEqual(await offered('get', ...there, 'scn', ''), ['game-day']);
    assert.deepEqual(await offered('describe', ...there, 'policy', ''), ['default']);
    assert.deepEqual(await offered('events', ...there, '--for', 'p'), ['policy/default']);
  });

  it('shows what state each is in', async () => {
    const { out } = await squall(['__complete', '--', 'halt', ...at(), 'freeze']);
    assert.equal(out, 'freeze\tRunning\n');
  });

  it('says nothing where there is nothing, or something is wrong', async () => {
    assert.deepEqual(await offered('halt', '--state', join(place.dir, 'nowhere'), ''), []);
    const spoilt = join(place.dir, 'spoilt');
    mkdirSync(spoilt);
    writeFileSync(join(spoilt, 'journal.db'), 'this is no database, and long enough to be read as one');
    assert.deepEqual(await offered('halt', '--state', spoilt, ''), []);
    assert.deepEqual(await offered('halt', '--state', join(spoilt, 'journal.db'), ''), []);
    assert.deepEqual(await offered('nonsense', ''), []);
    assert.deepEqual(
      await offered(),
      MODEL.verbs.map(({ name }) => name),
    );
  });

  it('loads nothing that it does without: it answers to a key', () => {
    const script = `const { createRequire } = await import('node:module');
      const { main } = await import(process.argv[1]);
      const io = { out: () => {}, err: () => {} };
      await main(['__complete', '--', 'halt', ''], io);
      const packages = Object.keys(createRequire(process.argv[1]).cache).map((path) => path.split('node_modules/').at(-1).split('/')[0]);
      console.log([...new Set(packages)].join());`;
    const program = new URL('../../src/cli/program.ts', import.meta.url).href;
    const args = ['--input-type=module', '-e', script, program];
    const { stdout } = spawnSync(process.execPath, args, { encoding: 'utf8', env: environment() });
    assert.equal(stdout, '\n');
  });
});

describe('the place on a command line', () => {
  const words = (...line: string[]) => {
    const { value } = placeOf(MODEL, line);
    return value.kind === 'words' ? value.words : value.kind;
  };

  it('is found after options in every spelling', () => {
    assert.deepEqual(words('get', '-o', ''), ['table', 'wide', 'json', 'yaml', 'name']);
    assert.deepEqual(words('get', '--output=x'), ['table', 'wide', 'json', 'yaml', 'name']);
    assert.equal(words('get', '-w', 'x'), 'names');
    assert.equal(words('validate', '-o', 'json', ''), 'files');
    assert.equal(words('daemon', '-m', 'a', ''), 'directories');
    assert.equal(words('daemon', '-m', 'a', '--resync', ''), 'anything');
    assert.ok(words('daemon', '-m', 'a', '-').includes('--state'));
    assert.ok(words('get', '-').includes('--selector'));
    assert.equal(words('get', '--', '-'), 'names');
    assert.equal(words('events', ''), 'anything');
    assert.deepEqual(words('completion', ''), ['bash', 'zsh', 'fish']);
    assert.ok(words('help', '').includes('describe'));
  });

  it('remembers what was given before', () => {
    const { given, options, typed } = placeOf(MODEL, [
      'get',
      '-w',
      'exp',
      '--state=/x',
      '-o',
      'json',
      'a',
      '--',
      '-b',
      'c',
    ]);
    assert.deepEqual(
      [given, options.get('--state'), options.get('--output'), typed],
      [['exp', 'a', '-b'], '/x', 'json', 'c'],
    );
  });
});

describe('the scripts', () => {
  for (const [shell, script] of Object.entries(SCRIPTS))
    it(`for ${shell} know every verb and option, and nothing hidden`, async () => {
      const { code, out } = await squall(['completion', shell]);
      assert.deepEqual([code, out], [0, script(MODEL)]);
      for (const { name, options } of MODEL.verbs) {
        assert.match(out, new RegExp(`\\b${name}\\b`));
        for (const flag of options.flatMap(({ flags }) => flags))
          assert.ok(out.includes(shell === 'fish' ? flag.replace(/^--?/, '') : flag), `${name} ${flag}`);
      }
      assert.ok(!MODEL.verbs.some(({ name }) => name === '__complete'));
      const program = new Command('tool').exitOverride();
      program.command('seen').addOption(new Option('--hidden-option').hideHelp());
      program.command('unseen-verb', { hidden: true });
      const model = modelOf(program);
      assert.deepEqual(
        model.verbs.map(({ name }) => name),
        ['seen', 'help'],
      );
      assert.doesNotMatch(script(model), /hidden-option|unseen-verb|squall/);
    });

  it('are asked for by name', async () => {
    const { code, err } = await squall(['completion', 'tcsh']);
    assert.equal(code, 2);
    assert.match(err, /bash, zsh, fish/);
  });

  it('quote what a description holds', () => {
    const summary = 'it\'s [a] \\ "b" $(c) `d`: e';
    const options = [{ flags: ['-x', '--xx'], summary, value: { kind: 'files' as const }, many: false }];
    const model: CommandModel = {
      name: 'squall',
      options,
      verbs: [{ name: 'v', summary, options, arguments: [], many: false }],
    };
    for (const [shell, script] of Object.entries(SCRIPTS)) {
      if (!isInstalled(shell)) continue;
      const file = join(place.dir, `quoting.${shell}`);
      writeFileSync(file, script(model));
      const { status, stderr } = spawnSync(shell, ['-n', file], { encoding: 'utf8' });
      assert.deepEqual([shell, status, stderr], [shell, 0, '']);
    }
    assert.ok(fishScript(model).includes(`-d 'it\\'s [a] \\\\ "b" $(c) \`d\`: e'`));
    assert.ok(zshScript(model).includes(`'[it'\\''s \\[a\\] \\\\ "b" $(c) \`d\`: e]`));
  });
});

describe('bash', () => {
  const DRIVER = `source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _squall; printf '%s\\n' "\${COMPREPLY[@]}"`;

  /** COMPREPLY for these words; the last is being typed. */
  function reply(...words: string[]): string[] {
    const args = ['--norc', '--noprofile', '-c', DRIVER, 'bash', scriptOf('bash'), 'squall', ...words];
    const { stdout, stderr } = spawnSync('bash', args, { encoding: 'utf8', env: environment(), cwd: work });
    assert.equal(stderr, '');
    return stdout.split('\n').filter(Boolean);
  }
  /** As bash itself would quote it. */
  const quoted = 'a\\ b\\$\\(touch\\ hacked\\)\\\'\\"\\;\\`x\\`';

  it('completes verbs and options', () => {
    assert.deepEqual(reply('de'), ['describe']);
    assert.deepEqual(reply('--v'), ['--version']);
    assert.deepEqual(reply('get', '--s'), ['--selector', '--state']);
    assert.deepEqual(reply('nonsense', ''), []);
  });

  it('completes choices, after a blank and after =, with = a word of its own or not', () => {
    assert.deepEqual(reply('get', '-o', 'ya'), ['yaml']);
    assert.deepEqual(reply('get', '--output', '=', 'ya'), ['yaml']);
    assert.deepEqual(reply('validate', '--output', '='), ['text', 'json', 'github']);
    assert.deepEqual(reply('get', '--output=ya'), ['--output=yaml']);
    assert.deepEqual(reply('completion', ''), ['bash', 'zsh', 'fish']);
  });

  it('completes names, quoted', () => {
    assert.deepEqual(reply('halt', ''), [quoted, 'freeze', 'rest']);
    assert.deepEqual(reply('halt', 'a\\ b'), [quoted]);
    assert.deepEqual(reply('halt', '"a b'), [NASTY], 'within quotes as it is');
    assert.deepEqual(reply('events', '-e', 'f'), ['freeze']);
    assert.deepEqual(reply('events', '--experiment', '=', 'f'), ['freeze']);
    assert.deepEqual(reply('get', 'runs', 'fr'), ['freeze-1']);
    assert.deepEqual(reply('halt', '--state', join(place.dir, 'nowhere'), ''), []);
    assert.deepEqual(reply('halt', '--state', '=', state, 'f'), ['freeze']);
    assert.deepEqual(reply('halt', '--state', '~/state', 'f'), ['freeze']);
    assert.deepEqual(reply('halt', '--state', `"${state}"`, 'f'), ['freeze']);
    assert.equal(existsSync(join(work, 'hacked')), false);
  });

  it('completes file names where files are expected, directories where those are', () => {
    assert.deepEqual(reply('validate', '').sort(), ['a.yaml', 'b\\ c.yaml', 'sub']);
    assert.deepEqual(reply('plan', '-o', 'json', 'a'), ['a.yaml']);
    assert.deepEqual(reply('get', '--state', ''), ['sub']);
    assert.deepEqual(reply('daemon', '-m', 'x', ''), ['sub'], 'every word of -m');
    assert.deepEqual(reply('events', ''), []);
  });

  it('is registered for the program', () => {
    const { stdout } = spawnSync(
      'bash',
      ['-c', 'source "$1"; complete -p squall', 'bash', scriptOf('bash')],
      { encoding: 'utf8' },
    );
    assert.equal(stdout, 'complete -F _squall squall\n');
  });
});

describe('fish', { skip: isInstalled('fish') ? false : 'fish is not installed' }, () => {
  function complete(line: string): string[] {
    const args = ['--no-config', '-c', 'source $argv[1]; complete -C $argv[2]', scriptOf('fish'), line];
    const { stdout, stderr } = spawnSync('fish', args, { encoding: 'utf8', env: environment(), cwd: work });
    assert.equal(stderr, '');
    return stdout
      .split('\n')
      .filter(Boolean)
      .map((found) => found.split('\t')[0] as string)
      .sort();
  }

  it('completes verbs, options, choices, names and files', () => {
    assert.deepEqual(complete('squall desc'), ['describe']);
    assert.deepEqual(complete('squall get --sel'), ['--selector']);
    assert.deepEqual(complete('squall get -o ya'), ['yaml']);
    assert.deepEqual(complete('squall get --output=ya'), ['--output=yaml']);
    assert.deepEqual(complete('squall halt '), [NASTY, 'freeze', 'rest']);
    assert.deepEqual(complete('squall halt --state /nowhere '), []);
    assert.deepEqual(complete('squall get runs '), ['freeze-1']);
    assert.deepEqual(complete('squall validate '), ['a.yaml', 'b c.yaml', 'sub/']);
    assert.deepEqual(complete('squall get --state '), ['sub/']);
    assert.deepEqual(complete('squall nonsense '), []);
    assert.equal(existsSync(join(work, 'hacked')), false);
  });
});

/** A shell at a terminal of its own (script(1)), in which somebody types. */
async function atTerminal(shell: string, setup: string, cases: Record<string, string>): Promise<void> {
  const child = spawn('script', ['-qec', shell, '/dev/null'], {
    stdio: ['pipe', 'pipe', 'ignore'],
    env: { ...environment(), COLUMNS: '200' },
    cwd: work,
  });
  let screen = '';
  child.stdout.on('data', (chunk: Buffer) => {
    screen += chunk;
  });
  try {
    child.stdin.write(`${setup}; echo REA''DY\n`);
    await until('the shell', () => screen.includes('READY'));
    for (const [typed, shown] of Object.entries(cases)) {
      screen = '';
      child.stdin.write(`\u0015${typed}\t`); // Ctrl-U first
      await until(`${shown} for ${typed} (screen: ${screen})`, () => screen.includes(shown)).catch(
        (error) => {
          throw new Error(`${error.message}: ${JSON.stringify(screen)}`);
        },
      );
    }
  } finally {
    child.stdin.end('\u0015exit\n');
    await until('the shell to end', () => child.exitCode !== null || child.kill('SIGKILL'));
  }
}

const TYPED = {
  'squall desc': 'squall describe ',
  'squall halt fr': 'squall halt freeze ',
  "squall halt 'fr": "squall halt 'freeze' ",
  'squall get exp re': 'squall get exp rest ',
  'squall get exp/fr': 'squall get exp/freeze ',
  'squall get --output=ya': 'squall get --output=yaml ',
  'squall validate b': 'squall validate b\\ c.yaml ',
  'squall get --state s': 'squall get --state sub/',
  'squall halt a': 'squall halt a\\ b\\$\\(touch\\ hacked\\)\\\'\\"\\;\\`x\\`',
};

describe('at a terminal', () => {
  it('bash completes what is typed', () => {
    const setup = `bind 'set bell-style none'; bind 'set enable-bracketed-paste off'; PS1='> '; source ${scriptOf('bash')}`;
    return atTerminal('bash --norc --noprofile -i', setup, TYPED);
  });

  const skip = isInstalled('zsh') ? false : 'zsh is not installed';
  it('zsh completes what is typed', { skip }, () => {
    const setup = `PROMPT='> '; unset zle_bracketed_paste; autoload -Uz compinit; compinit -u -D; source ${scriptOf('zsh')}`;
    return atTerminal('zsh -f -i', setup, TYPED);
  });
});
