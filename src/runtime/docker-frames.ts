/** Bytes of a frame's header: the stream (1 stdout, 2 stderr), three zeros, and the length of what follows, big-endian. */
const HEADER = 8;
const LENGTH_AT = 4;

/** Puts the frames of an attached stream together. */
export interface FrameReader {
  /** Chunks in their order, cut anywhere. */
  take(chunk: Buffer): void;
  /** What all streams have written, as UTF-8. */
  text(): string;
}

/**
 * Reads what the engine sends of a program without a terminal (Docker Engine API, "attach to a container", stream format). Keeps `limit`
 * bytes and drops what comes after them.
 */
export function frameReader(limit: number): FrameReader {
  const kept: Buffer[] = [];
  let room = limit;
  /** Bytes of the frame that are still to come. */
  let due = 0;
  let header = Buffer.alloc(0);

  const keep = (bytes: Buffer) => {
    const part = bytes.subarray(0, room);
    if (part.length > 0) kept.push(Buffer.from(part)); // a copy: a slice would hold on to the whole chunk
    room -= part.length;
  };
  const take = (chunk: Buffer) => {
    let at = 0;
    while (at < chunk.length) {
      if (due === 0) {
        const more = chunk.subarray(at, at + HEADER - header.length);
        header = Buffer.concat([header, more]);
        at += more.length;
        if (header.length < HEADER) return;
        due = header.readUInt32BE(LENGTH_AT);
        header = Buffer.alloc(0);
      }
      const body = chunk.subarray(at, at + due);
      keep(body);
      at += body.length;
      due -= body.length;
    }
  };
  return { take, text: () => Buffer.concat(kept).toString('utf8') };
}
