import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { cellCode, code } from '../../src/report/markdown.ts';
import type { PlanCheck } from '../../src/report/plan-check.ts';
import { formatCheckMarkdown, MARKER } from '../../src/report/plan-markdown.ts';
import { change, checkOf, hits, previewOf, refused } from './plan-build.ts';

/** Every text that manifests, containers or the command line bring, said by `say`. */
function everywhere(say: () => string): PlanCheck {
  const source = () => ({ file: say(), line: 3, column: 1 });
  const experiment = (more = {}) =>
    hits({
      step: say(),
      message: say(),
      duration: say(),
      faults: [{ type: say(), parameters: say() }],
      select: say(),
      mode: say(),
      targets: [say(), say()],
      sharers: [say()],
      services: [
        { service: say(), hit: 1, of: 2 },
        { service: null, hit: 1, of: 1 },
      ],
      ...more,
    });
  const times = [
    { utc: '2030-01-01T01:00:00Z', local: '2030-01-01T01:00:00Z', outcome: 'refused', message: say() },
  ] as const;
  const schedule = { cron: say(), timeZone: say(), starts: say(), times: [...times] };
  const refuses = [{ object: say(), outcome: 'refused', message: say() } as const];
  return checkOf(
    [
      change({
        change: 'changed',
        name: say(),
        source: source(),
        fields: [{ path: say(), from: say(), to: [say()] }],
        startedBy: [say(), say()],
        active: [{ target: say(), fault: say() }],
        after: previewOf([experiment(), experiment({ drawnFrom: [say(), say()] })], { schedule, refuses }),
      }),
      change({
        name: say(),
        source: source(),
        after: previewOf([refused(say(), { step: say() }), experiment({ outcome: 'unknown' })]),
      }),
      change({
        change: 'removed',
        name: say(),
        source: source(),
        before: previewOf([experiment()]),
        after: null,
      }),
    ],
    {
      base: { given: say(), commit: 'b'.repeat(40) },
      limits: [{ limit: say(), from: say(), to: say(), direction: 'looser' }],
      affected: [
        { kind: 'Policy', name: say(), source: source(), before: 'hits', after: 'refused', message: say() },
      ],
      problems: [{ code: 'SQ101', severity: 'error', ...source(), path: say(), message: say(), hint: say() }],
      notes: [say()],
    },
  );
}

/** What is left of a line of Markdown without its code spans (CommonMark 6.1): a run of backticks up to the next one as long. */
function withoutCode(line: string): string {
  let text = '';
  for (let at = 0; at < line.length; ) {
    const [run = ''] = /^`*/.exec(line.slice(at)) ?? [];
    if (run === '') {
      text += line[at];
      at += 1;
      continue;
    }
    const rest = line.slice(at + run.length);
    const close = [...rest.matchAll(/`+/g)].find(([found]) => found.length === run.length);
    text += close ? '§' : run;
    at += run.length + (close ? close.index + run.length : 0);
  }
  return text;
}

const skeleton = (markdown: string) => markdown.split('\n').map(withoutCode);
const bars = (markdown: string) =>
  markdown.split('\n').map((line) => (line.startsWith('|') ? line.split('|').length : 0));

const HOSTILE = [
  '`',
  '``',
  '```',
  '|',
  '\\',
  '\\|',
  '\n',
  '\r\n',
  '\t',
  '\u2028',
  '\u202e',
  '\u001b[2J',
  '\0',
  '@admin',
  '#1',
  'GH-1',
  '<img src=x onerror=a>',
  '</details>',
  '<!--',
  '-->',
  MARKER,
  '[a](http://evil.example)',
  '![a](http://evil.example/x.png)',
  'https://evil.example',
  'www.evil.example',
  'mail@evil.example',
  '**',
  '_',
  '~~',
  '# h',
  '- ',
  '1. ',
  '> ',
  '---',
  '| a | b |',
  '&lt;',
  '&#64;',
  ':tada:',
  '$x$',
  '\\`',
  ' ',
  'é',
  '😀',
];
/** None is empty: what is empty is left out. */
const hostile = fc.oneof(
  fc.array(fc.constantFrom(...HOSTILE), { minLength: 1, maxLength: 6 }).map((parts) => parts.join('')),
  fc.string({ unit: 'binary', minLength: 1, maxLength: 12 }),
);

describe('a check of a plan, as a comment', () => {
  it('has the same shape whatever names and messages hold', () => {
    const plain = formatCheckMarkdown(everywhere(() => 'name'));
    const [shape, columns] = [skeleton(plain), bars(plain)];
    assert.ok(shape.some((line) => line.includes('§')));
    fc.assert(
      fc.property(fc.infiniteStream(hostile), (texts) => {
        const told = formatCheckMarkdown(everywhere(() => texts.next().value as string));
        assert.deepEqual(skeleton(told), shape);
        assert.deepEqual(bars(told), columns);
      }),
      { numRuns: 300 },
    );
  });

  it('has no foreign text outside of code', () => {
    let count = 0;
    const told = skeleton(formatCheckMarkdown(everywhere(() => `foreign-${++count}`))).join('\n');
    assert.ok(count > 40);
    assert.doesNotMatch(told, /foreign/);
  });

  it('begins with its marker and the verdict, and shows what would be hit', () => {
    const check = checkOf([change()], {
      summary: {
        added: 1,
        changed: 0,
        removed: 0,
        unchanged: 2,
        refused: 0,
        loosened: 0,
        hit: 2,
        unknown: 0,
      },
    });
    assert.equal(
      formatCheckMarkdown(check),
      `<!-- squall-plan -->
### Squall plan: 2 containers would be hit

1 added, 0 changed, 0 removed, 2 unchanged, against \`origin/main\` (\`aaaaaaaaaaaa\`). 12 containers, from this host's engine.

| Object | Containers | Share of each service | Faults | For |
| --- | --- | --- | --- | --- |
| added \`experiment/redis-slow\` | 2 | 2 of 3 of \`shop/worker\` (67 %) | \`network-latency\` | \`60s\` |

<details><summary>Object by object</summary>

**added** \`experiment/redis-slow\` at \`experiments/slow.yaml:3\`

- \`network-latency delay: 200ms\` for \`60s\`
- hits \`worker-1\`, \`worker-2\`

</details>
`,
    );
  });

  it('tells where refusals and problems stand', () => {
    const problem = {
      code: 'SQ101',
      severity: 'error',
      file: 'a.yaml',
      line: 4,
      column: 2,
      path: '',
      message: 'bad',
    } as const;
    const told = formatCheckMarkdown(
      checkOf([change({ after: previewOf([refused('too long')]) })], { problems: [problem] }),
    );
    assert.match(
      told,
      /\n- `experiment\/redis-slow` \(`experiments\/slow\.yaml:3`\): refused, SQ214 `too long`\n/,
    );
    assert.match(told, /\n- error at `a\.yaml:4`: `SQ101 bad`\n/);
  });

  it('is short where nothing changes', () => {
    assert.equal(
      formatCheckMarkdown(checkOf([], { base: { given: null, commit: null } })),
      `<!-- squall-plan -->
### Squall plan: nothing would be hit or refused

0 added, 0 changed, 0 removed, 0 unchanged (no base: everything is new). 12 containers, from this host's engine.
`,
    );
  });

  it('fits into a comment, and says how much is left out', () => {
    const message = 'm'.repeat(5000);
    const objects = Array.from({ length: 500 }, (_, at) =>
      change({
        name: `e-${at}`,
        after: previewOf([refused(message), hits({ targets: Array(40).fill(message) })]),
      }),
    );
    const told = formatCheckMarkdown(checkOf(objects));
    assert.ok(told.length < 62_000, `${told.length} characters`);
    assert.equal(told.match(/more lines: `squall plan` prints them all\.\n/g)?.length, 2);
    assert.match(told, /\n<\/details>\n$/);
  });
});

describe('foreign text', () => {
  it('is a code span with a longer fence than any within', () => {
    assert.equal(code('a'), '`a`');
    assert.equal(code('a`b``c'), '```a`b``c```');
    assert.equal(code('`a'), '`` `a ``');
    assert.equal(code(' \n '), '`(empty)`');
    assert.equal(code('a\r\nb\tc\u0007'), '`a b c\\u0007`');
    assert.equal(code('x'.repeat(400)), `\`${'x'.repeat(300)}...\``);
  });

  it('ends no cell of a table', () => assert.equal(cellCode('a|b\\|c'), '`a¦b\\¦c`'));
});
