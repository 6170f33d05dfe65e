import { Document, Scalar, visit } from 'yaml';
import { isUnsafe } from './clean.ts';

const RAW = /[^\P{Cc}\n]|[\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/** YAML 1.2 with a line end. What could steer a terminal stands as an escape in double quotes, and reads back as it was. */
export function formatYaml(value: unknown): string {
  const document = new Document(value, { aliasDuplicateObjects: false });
  visit(document, {
    Scalar: (_, node) => {
      if (typeof node.value === 'string' && isUnsafe(node.value.replace(/\n/g, '')))
        node.type = Scalar.QUOTE_DOUBLE;
    },
  });
  const text = document.toString({ lineWidth: 0 });
  return text.replace(RAW, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
