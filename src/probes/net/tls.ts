import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import type { TlsOptions } from './exchange.ts';

/** `tls` of a probe. */
export interface TlsSpec {
  insecure?: boolean;
  caFile?: string;
  serverName?: string;
}

/** Bytes of a file of certificates at most: the largest bundles have a quarter of that. */
const LARGEST_FILE = 1024 * 1024;

export const TLS_SCHEMA = {
  type: 'object',
  minProperties: 1,
  description: 'For https only.',
  properties: {
    insecure: {
      type: 'boolean',
      default: false,
      description: 'Takes any certificate. Better give its `caFile`.',
    },
    caFile: {
      type: 'string',
      pattern: '^/',
      maxLength: 4096,
      description:
        'Absolute path, on the host of the daemon, of PEM certificates to trust instead of those that are built in. Read anew at each try.',
    },
    serverName: {
      type: 'string',
      pattern: '^[^\\s\\p{C}/]+$',
      maxLength: 253,
      description:
        'The name that the server is asked for (SNI) and that its certificate must have, where that is not the one in the URL.',
    },
  },
  additionalProperties: false,
};

/** Reads the certificates. Rejects with what is wrong with the file. */
export async function tlsOptions({ insecure, caFile, serverName }: TlsSpec): Promise<TlsOptions> {
  return {
    ...(insecure === true ? { rejectUnauthorized: false } : {}),
    ...(serverName === undefined ? {} : { servername: serverName }),
    ...(caFile === undefined ? {} : { ca: await readCertificates(caFile) }),
  };
}

async function readCertificates(path: string): Promise<string> {
  // without O_NONBLOCK a named pipe would hold up a thread until somebody writes to it
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch(
    (error: NodeJS.ErrnoException) => {
      throw new Error(`tls.caFile cannot be read: ${error.code === 'ENOENT' ? `no ${path}` : error.message}`);
    },
  );
  try {
    const found = await file.stat();
    // a device would never end
    if (!found.isFile() || found.size > LARGEST_FILE)
      throw new Error(`tls.caFile: ${path} is no file of certificates`);
    return await file.readFile('utf8');
  } finally {
    await file.close();
  }
}
