import { clean } from '../report/clean.ts';
import { cut, tally } from './cut.ts';
import type { Notice, NoticeKind } from './notice.ts';
import type { Batch, Format, Origin } from './target.ts';

interface Block {
  type: 'section' | 'context';
  [field: string]: unknown;
}

/** Lines of one message. */
const MOST_LINES = 20;
const MOST_TARGETS = 5;
/** Characters of a message's text: alone it has a paragraph, among others a line. */
const PARAGRAPH = 500;
const LINE = 140;
/** One name with all its characters escaped leaves room for a paragraph that is. */
const MOST_NAME = 90;
const MOST_NAMES = 300;
/** Characters that a text object holds (docs.slack.dev/reference/block-kit/composition-objects/text-object). */
const MOST_TEXT = 3000;

/** Which lines a long message keeps: what people have to act on goes before what went well. */
const URGENCY: Readonly<Record<NoticeKind, number>> = {
  failed: 0,
  aborted: 1,
  halted: 2,
  missed: 3,
  denied: 4,
  recovered: 5,
  resumed: 6,
  started: 7,
};

/**
 * A message for a Slack incoming webhook: blocks, and the same as `text` for the notification on a phone and for other chats that take
 * Slack's format. Without attachments: Slack folds those. All that waits goes into one message: a channel takes one a second.
 */
export const slack: Format = {
  most: Number.POSITIVE_INFINITY,
  encode: (batch, by) => {
    const { notices } = batch;
    const [first] = notices;
    const { text, blocks } =
      notices.length === 1 && first ? single(first, by, batch.dropped) : several(batch, by);
    return { body: JSON.stringify({ text, blocks, unfurl_links: false, unfurl_media: false }), headers: {} };
  },
};

interface Content {
  text: string;
  blocks: Block[];
}

function single(notice: Notice, { host }: Origin, dropped: number): Content {
  const { run, targets = [], time } = notice;
  const facts = [
    safe(host),
    run !== null && `run ${safe(run, MOST_NAME)}`,
    targets.length > 0 && named(targets),
    ...commitOf(notice),
    localTime(time),
  ];
  const line = lineOf(notice, PARAGRAPH);
  const blocks = [section(line), context(facts.filter((fact) => fact !== false).join('  ·  '))];
  const lost = missing(dropped);
  return { text: [`${line} (${safe(host)})`, ...lost].join('\n'), blocks: [...blocks, ...lost.map(context)] };
}

function several({ notices, dropped }: Batch, { host }: Origin): Content {
  const shown = mostUrgent(notices);
  const rest = notices.filter((notice) => !shown.includes(notice));
  const head = `*${tally(notices.map(({ kind }) => kind))}* on ${safe(host)}`;
  const lines = shown.map((notice) => [lineOf(notice, LINE), ...commitOf(notice)].join('  ·  '));
  const more = rest.length > 0 ? [`and ${rest.length} more: ${tally(rest.map(({ kind }) => kind))}`] : [];
  const after = [...more, ...missing(dropped)];
  return {
    text: [head, ...lines, ...after].join('\n'),
    blocks: [section(head), ...paragraphs(lines).map(section), ...after.map(context)],
  };
}

function commitOf({ commit, dirty }: Notice): string[] {
  return commit === undefined ? [] : [`commit ${safe(commit.slice(0, 10))}${dirty ? ', changed since' : ''}`];
}

function named(targets: readonly string[]): string {
  const more = targets.length - MOST_TARGETS;
  const names = safe(targets.slice(0, MOST_TARGETS).join(', '), MOST_NAMES);
  return more > 0 ? `${names} and ${more} more` : names;
}

/** In their order. */
function mostUrgent(notices: readonly Notice[]): Notice[] {
  const ranked = [...notices].sort((a, b) => URGENCY[a.kind] - URGENCY[b.kind] || a.id - b.id);
  return ranked.slice(0, MOST_LINES).sort((a, b) => a.id - b.id);
}

function lineOf({ kind, experiment, object, message }: Notice, longest: number): string {
  const name = experiment ?? object;
  const what = name ? `${safe(name, MOST_NAME)}: ` : '';
  return `*${kind.charAt(0).toUpperCase()}${kind.slice(1)}*  ${what}${safe(message, longest)}`;
}

/** As many lines to a text object as it holds. */
function paragraphs(lines: readonly string[]): string[] {
  const found: string[] = [];
  for (const line of lines) {
    const last = found.at(-1);
    if (last !== undefined && last.length + line.length < MOST_TEXT)
      found[found.length - 1] = `${last}\n${line}`;
    else found.push(line);
  }
  return found;
}

function missing(dropped: number): string[] {
  if (dropped === 0) return [];
  return [
    `${dropped} notification${dropped === 1 ? '' : 's'} before could not be delivered: see \`squall events\``,
  ];
}

function section(text: string): Block {
  return { type: 'section', text: markup(text) };
}

function context(text: string): Block {
  return { type: 'context', elements: [markup(text)] };
}

/** `verbatim`: Slack makes no links and no mentions of what looks like one. */
function markup(text: string): object {
  return { type: 'mrkdwn', text, verbatim: true };
}

/** In the reader's own time zone (docs.slack.dev/messaging/formatting-message-text, date formatting). */
function localTime(ms: number): string {
  return `<!date^${Math.floor(ms / 1000)}^{date_short_pretty} {time_secs}|${new Date(ms).toISOString()}>`;
}

/** What calls everybody: Slack does not take it from text that is escaped, chats that are like it may. */
const CALL = /@(?=(?:channel|here|all|everyone)\b)/giu;

/**
 * One line without control characters, with `&`, `<` and `>` as Slack wants them: `<!channel>` calls nobody
 * (docs.slack.dev/messaging/formatting-message-text, escaping text).
 */
function safe(text: string, longest = MOST_NAMES): string {
  const line = cut(clean(text), longest).replace(CALL, '@\u200b');
  return line.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
