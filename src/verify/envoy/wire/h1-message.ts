import { showText } from "../bytes.js";
import type { HeaderList } from "../scenario.js";
import type { HeaderPairs } from "../recording.js";
import type { ByteStream } from "./byte-stream.js";

/** A start line and headers in wire order. */
export interface H1Head {
  readonly line: string;
  readonly headers: HeaderPairs;
}

export function parseHead(bytes: Buffer): H1Head {
  const [line = "", ...fields] = showText(bytes).split("\r\n");
  return { line, headers: fields.map(parseField) };
}

function parseField(field: string): readonly [string, string] {
  const at = field.indexOf(": ");
  return at < 0 ? [field.replace(/:$/, ""), ""] : [field.slice(0, at), field.slice(at + 2)];
}

/** The first value of a field, by lower-case name. */
export function fieldOf(headers: HeaderList, name: string): string | undefined {
  return headers.find(([have]) => have.toLowerCase() === name)?.[1];
}

export const formatFields = (headers: HeaderList): string =>
  headers.map(([name, value]) => `${name}: ${value}\r\n`).join("");

export function formatChunk(bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from("\r\n")]);
}

/** What was read of a body so far; filled while it arrives, so that an end in the middle leaves what there was. */
export interface H1Body {
  readonly parts: Buffer[];
  /** Sizes of chunks; undefined without chunked coding. */
  chunks: number[] | undefined;
  trailers: HeaderPairs | undefined;
}

export const emptyBody = (): H1Body => ({ parts: [], chunks: undefined, trailers: undefined });

/** @throws {EndOfStream} */
export async function readChunked(stream: ByteStream, body: H1Body): Promise<void> {
  body.chunks = [];
  for (;;) {
    const size = Number.parseInt(showText(await stream.until("\r\n")), 16);
    if (!(size >= 0)) throw new Error("The size of a chunk is not a number");
    if (size === 0) break;
    body.parts.push(await stream.exactly(size));
    body.chunks.push(size);
    await stream.exactly(2);
  }
  const trailers: (readonly [string, string])[] = [];
  for (;;) {
    const line = showText(await stream.until("\r\n"));
    if (line === "") break;
    trailers.push(parseField(line));
  }
  if (trailers.length > 0) body.trailers = trailers;
}

/** @throws {EndOfStream} */
export async function readLength(stream: ByteStream, body: H1Body, length: number): Promise<void> {
  for (let left = length; left > 0;) {
    const part = await stream.some(left);
    body.parts.push(part);
    left -= part.length;
  }
}
