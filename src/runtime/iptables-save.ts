/** A rule as iptables-save prints it. */
export interface SavedRule {
  chain: string;
  /** What follows `-A CHAIN`, without quotes. */
  args: string[];
  /** What follows `-A CHAIN`, to the letter: good for `-D`. */
  text: string;
}

export interface SavedTable {
  name: string;
  /** Policy by chain; `-` for the chains of users. In the order printed. */
  chains: Map<string, string>;
  rules: SavedRule[];
}

/** Reads what iptables-save(8) and ip6tables-save print, of either back end. Comments, counters and unknown lines are left out. */
export function parseSave(text: string): SavedTable[] {
  const tables: SavedTable[] = [];
  for (const line of text.split('\n')) {
    const table = tables.at(-1);
    if (line.startsWith('*')) {
      tables.push({ name: line.slice(1).trim(), chains: new Map(), rules: [] });
    } else if (table && line.startsWith(':')) {
      const [chain = '', policy = '-'] = line.slice(1).split(' ');
      table.chains.set(chain, policy);
    } else if (table) {
      const match = /^(?:\[\d+:\d+\] )?-A (\S+) ?(.*)$/.exec(line);
      if (match)
        table.rules.push({ chain: match[1] ?? '', args: splitArgs(match[2] ?? ''), text: match[2] ?? '' });
    }
  }
  return tables;
}

/** Splits as iptables-restore does: spaces part arguments, double quotes hold them together, a backslash spares one character. */
export function splitArgs(text: string): string[] {
  const args: string[] = [];
  let current: string | undefined;
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const char = text[i] as string;
    if (char === '\\' && quoted && i + 1 < text.length) current = (current ?? '') + text[++i];
    else if (char === '"') {
      quoted = !quoted;
      current ??= '';
    } else if (char === ' ' && !quoted) {
      if (current !== undefined) args.push(current);
      current = undefined;
    } else current = (current ?? '') + char;
  }
  if (current !== undefined) args.push(current);
  return args;
}

/** The reverse of `splitArgs`. Throws TypeError on a line break: the rest would be another command. */
export function joinArgs(args: readonly string[]): string {
  const broken = args.find((arg) => /[\n\r\0]/.test(arg));
  if (broken !== undefined) throw new TypeError(`not to be written in one line: ${JSON.stringify(broken)}`);
  return args
    .map((arg) => (/^[^\s"'\\]+$/.test(arg) ? arg : `"${arg.replace(/["\\]/g, (char) => `\\${char}`)}"`))
    .join(' ');
}

/** The value after an option, such as `-j`. */
export function optionOf(args: readonly string[], option: string): string | undefined {
  const at = args.indexOf(option);
  return at < 0 ? undefined : args[at + 1];
}
