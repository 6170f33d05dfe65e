/** JSON.stringify leaves these as they are; as escapes they mean the same and don't reach a terminal. */
const RAW = /[\x7f-\x9f\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** Indented JSON with a line end. */
export function formatJson(value: unknown): string {
  return `${escapeRaw(JSON.stringify(value, null, 2))}\n`;
}

/** JSON on one line with a line end, for streams. */
export function formatJsonLine(value: unknown): string {
  return `${escapeRaw(JSON.stringify(value))}\n`;
}

function escapeRaw(json: string): string {
  return json.replace(RAW, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
