/**
 * `prop request headers` and the like give a map in the order of a hash table, which differs between releases: here its pairs are
 * sorted by name, as `{"a"="1", "b"="2"}`. Anything else is given back as it is.
 */
export function sortHeaderMap(line: string): string {
  const [, head, escaped] =
    /^(HC prop (?:request|response) (?:headers|trailers) -> 0) len=\d+ "(.*)"$/s.exec(line) ?? [];
  if (head === undefined || escaped === undefined) return line;
  const pairs = readPairs(unescape(escaped));
  if (pairs === undefined) return line;
  return `${head} {${pairs
    .map(([name, value]) => `${escape(name)}=${escape(value)}`)
    .sort()
    .join(", ")}}`;
}

/** What the probe's `oq` wrote. */
function unescape(text: string): Buffer {
  const bytes = text.replace(/\\x([0-9a-f]{2})|\\(.)/g, (_, hex: string | undefined, character: string | undefined) =>
    hex === undefined ? (character ?? "") : String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return Buffer.from(bytes, "latin1");
}

const escape = (bytes: Buffer): string =>
  `"${bytes
    .toString("latin1")
    .replace(/["\\]/g, "\\$&")
    .replace(/[^\x20-\x7e]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, "0")}`)}"`;

/** The ABI's serialized pairs; undefined if the bytes are not that. */
function readPairs(bytes: Buffer): (readonly [Buffer, Buffer])[] | undefined {
  if (bytes.length < 4) return undefined;
  const count = bytes.readUInt32LE(0);
  let at = 4 + 8 * count;
  if (at > bytes.length) return undefined;
  const pairs: (readonly [Buffer, Buffer])[] = [];
  for (let index = 0; index < count; index++) {
    const [name, value] = [bytes.readUInt32LE(4 + 8 * index), bytes.readUInt32LE(8 + 8 * index)];
    pairs.push([bytes.subarray(at, at + name), bytes.subarray(at + name + 1, at + name + 1 + value)]);
    at += name + value + 2;
  }
  return at === bytes.length ? pairs : undefined;
}
