import { SquallError } from '../core/errors.ts';
import { nearMiss } from '../core/near-miss.ts';
import { NOTICE_KINDS, type NoticeKind } from './notice.ts';
import type { NotifyTarget } from './target.ts';

/** What the command line says. URLs there can be read in process lists: a file is the better place. */
export interface NotifyFlags {
  /** `--notify-webhook`, as often as it was given. */
  webhook?: readonly string[] | undefined;
  /** `--notify-slack` */
  slack?: string | undefined;
  /** `--notify-on`: kinds, separated by commas. */
  only?: string | undefined;
}

type Env = Readonly<Record<string, string | undefined>>;

/** A value, and what it was called where it was given. */
interface Given {
  from: string;
  value: string;
}

/**
 * Who is told, of what: the flags, else SQUALL_NOTIFY_WEBHOOK (several are separated by blanks), SQUALL_NOTIFY_SLACK and
 * SQUALL_NOTIFY_ON; SQUALL_NOTIFY_SECRET signs webhooks. All but SQUALL_NOTIFY_ON may instead name a file that holds the value
 * (`..._FILE`, for secrets of Docker). Throws SQ501, never with the value, for what is no http or https URL, for an unknown kind, for a
 * variable that is given both ways, and for a file that can't be read.
 */
export function notifyTargets(
  flags: NotifyFlags,
  env: Env,
  readFile: (path: string) => string,
): NotifyTarget[] {
  const fromEnv = (name: string) => variable(name, env, readFile);
  const webhooks = flags.webhook?.length
    ? flags.webhook.map((value) => ({ from: '--notify-webhook', value }))
    : words(fromEnv('SQUALL_NOTIFY_WEBHOOK'));
  const slack = flags.slack ? { from: '--notify-slack', value: flags.slack } : fromEnv('SQUALL_NOTIFY_SLACK');
  const secret = fromEnv('SQUALL_NOTIFY_SECRET')?.value;
  const only = kinds(
    flags.only ? { from: '--notify-on', value: flags.only } : text('SQUALL_NOTIFY_ON', env.SQUALL_NOTIFY_ON),
  );
  const wanted = only && { only };
  return [
    ...webhooks.map(
      (given, index): NotifyTarget => ({
        name: index === 0 ? 'webhook' : `webhook-${index + 1}`,
        kind: 'webhook',
        url: checked(given, webhooks.length > 1 ? index + 1 : undefined),
        ...(secret !== undefined && { secret }),
        ...wanted,
      }),
    ),
    ...(slack ? [{ name: 'slack', kind: 'slack' as const, url: checked(slack), ...wanted }] : []),
  ];
}

/** Blank counts as not given: compose files pass on variables that nobody set. */
function text(from: string, value: string | undefined): Given | undefined {
  const trimmed = value?.trim();
  return trimmed ? { from, value: trimmed } : undefined;
}

function variable(name: string, env: Env, readFile: (path: string) => string): Given | undefined {
  const plain = text(name, env[name]);
  const file = text(`${name}_FILE`, env[`${name}_FILE`]);
  if (plain && file)
    throw new SquallError('SQ501', `${name} and ${file.from} are both set`, { hint: 'Unset one of them' });
  if (!file) return plain;
  const found = text(file.from, read(file, readFile));
  if (!found) throw new SquallError('SQ501', `the file that ${file.from} names is empty`);
  return found;
}

function read({ from, value }: Given, readFile: (path: string) => string): string {
  try {
    return readFile(value);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unreadable';
    // without the path: it may be the URL itself, set in the wrong variable
    throw new SquallError('SQ501', `the file that ${from} names cannot be read: ${code}`, {
      hint: `${from} is the path of a file that holds the value; the value itself goes into ${from.replace(/_FILE$/, '')}`,
    });
  }
}

function words(given: Given | undefined): Given[] {
  return given ? given.value.split(/\s+/).map((value) => ({ from: given.from, value })) : [];
}

function checked({ from, value }: Given, number?: number): string {
  const url = URL.parse(value.trim());
  if (url && (url.protocol === 'http:' || url.protocol === 'https:')) return url.href;
  const which = number === undefined ? '' : `, number ${number},`;
  throw new SquallError('SQ501', `${from}${which} is not an http or https URL`, {
    hint: 'Expected something such as https://hooks.example.org/services/...',
  });
}

function kinds(given: Given | undefined): NoticeKind[] | undefined {
  if (!given) return undefined;
  const asked = given.value.split(',').map((word) => word.trim());
  const found = asked.filter((word) => word !== '').map((word) => kindNamed(word, given.from));
  return found.length > 0 ? [...new Set(found)] : undefined;
}

function kindNamed(word: string, from: string): NoticeKind {
  const kind = NOTICE_KINDS.find((known) => known === word.toLowerCase());
  if (kind) return kind;
  const near = nearMiss(word, NOTICE_KINDS);
  const shown = /^\w{1,20}$/.test(word) ? `"${word}"` : 'what is given there'; // it may be a URL that slipped
  throw new SquallError('SQ501', `${from}: no kind of notification is called ${shown}`, {
    hint: near ? `Did you mean "${near}"?` : `Known are ${NOTICE_KINDS.join(', ')}`,
  });
}
