import type { FuzzCase, FuzzExchange, FuzzReply, FuzzRequest, HeaderLine } from "./case.js";
import { cutAt } from "./generate/body.js";

/**
 * Smaller values near one, the smallest first. They depend on the value alone, not on how it was made: what a corpus holds
 * shrinks as well as what was generated, and a path of choices leads to the same value on every machine.
 */
export type Shrink<T> = (value: T) => Iterable<T>;

const plainRequest = { method: "GET", path: "/", authority: "example.com", protocol: "HTTP/1.1" } as const;

export function* shrinkCase(given: FuzzCase): Iterable<FuzzCase> {
  const { exchanges, together, faults, ...rest } = given;
  const made = (changes: Partial<FuzzCase>): FuzzCase => ({ ...given, ...changes });
  if (given.repeat > 1) yield made({ repeat: 1 });
  if (exchanges.length > 1) {
    for (const kept of without(exchanges)) {
      if (kept.length === 0) continue;
      yield kept.length === 1 ? { ...rest, ...(faults && { faults }), exchanges: kept } : made({ exchanges: kept });
    }
  }
  if (together === true) yield { ...rest, ...(faults && { faults }), exchanges };
  if (faults !== undefined) yield { ...rest, ...(together && { together }), exchanges };
  if (Object.keys(given.callReply).length > 0) yield made({ callReply: {} });
  for (let i = exchanges.length - 1; i >= 0; i--) {
    for (const smaller of shrinkExchange(exchanges[i]!)) yield made({ exchanges: exchanges.with(i, smaller) });
  }
}

export function* shrinkExchange({ request, reply }: FuzzExchange): Iterable<FuzzExchange> {
  for (const smaller of shrinkRequest(request)) yield { request: smaller, reply };
  for (const smaller of shrinkReply(reply)) yield { request, reply: smaller };
}

export function* shrinkRequest(given: FuzzRequest): Iterable<FuzzRequest> {
  const { body, trailers, abortAfterMs, chunkDelayMs, ...rest } = given;
  if (body !== undefined) yield { ...rest, ...(abortAfterMs !== undefined && { abortAfterMs }) };
  if (abortAfterMs !== undefined) yield without1(given, "abortAfterMs");
  if (chunkDelayMs !== undefined) yield without1(given, "chunkDelayMs");
  if (trailers !== undefined) yield without1(given, "trailers");
  for (const name of ["method", "authority", "protocol", "path"] as const) {
    if (given[name] === plainRequest[name]) continue;
    if (name === "method" && given.method !== "POST" && body !== undefined) yield { ...given, method: "POST" };
    yield { ...given, [name]: plainRequest[name] };
  }
  for (const headers of shrinkLines(given.headers)) yield { ...given, headers };
  for (const tail of shrinkText(given.path!.slice(1))) yield { ...given, path: `/${tail}` };
  if (body !== undefined) for (const pieces of shrinkPieces(body)) yield { ...given, body: pieces };
  if (trailers !== undefined) {
    for (const lines of shrinkLines(trailers)) if (lines.length > 0) yield { ...given, trailers: lines };
  }
}

export function* shrinkReply(given: FuzzReply): Iterable<FuzzReply> {
  const { body, trailers } = given;
  for (const name of ["fault", "body", "trailers", "delayMs"] as const) {
    if (given[name] !== undefined) yield without1(given, name);
  }
  if (given.status !== 200) yield { ...given, status: 200 };
  for (const headers of shrinkLines(given.headers)) yield { ...given, headers };
  if (body !== undefined) for (const pieces of shrinkPieces(body)) yield { ...given, body: pieces };
  if (trailers !== undefined) {
    for (const lines of shrinkLines(trailers)) if (lines.length > 0) yield { ...given, trailers: lines };
  }
}

function without1<T extends object>(given: T, name: keyof T): T {
  const rest = { ...given };
  delete rest[name];
  return rest;
}

function* shrinkLines(lines: readonly HeaderLine[]): Iterable<readonly HeaderLine[]> {
  yield* without(lines);
  for (const [i, [name, value]] of lines.entries()) {
    for (const smaller of shrinkText(value)) {
      if (smaller === smaller.trim()) yield lines.with(i, [name, smaller]);
    }
  }
}

/** Everything away, then runs of half the length, of a quarter, … */
export function* without<T>(list: readonly T[]): Iterable<readonly T[]> {
  for (let size = list.length; size >= 1; size = size === 1 ? 0 : (size + 1) >> 1) {
    for (let at = 0; at < list.length; at += size) yield [...list.slice(0, at), ...list.slice(at + size)];
  }
}

/** Runs are left out down to this part of the whole; what gets shorter is cut finer. */
const finest = 64;

function* spans(length: number): Iterable<[from: number, to: number]> {
  const least = Math.max(1, Math.ceil(length / finest));
  for (let size = length; size >= least; size = size === 1 ? 0 : (size + 1) >> 1) {
    for (let at = 0; at < length; at += size) yield [at, Math.min(length, at + size)];
  }
}

export function* shrinkText(text: string): Iterable<string> {
  for (const [from, to] of spans(text.length)) yield text.slice(0, from) + text.slice(to);
  if (text.length > finest) return;
  for (let i = 0; i < text.length; i++) {
    if (text[i] !== "a" && text[i] !== "0") yield `${text.slice(0, i)}a${text.slice(i + 1)}`;
  }
}

/** First in one piece, then shorter, cut at the same places as far as they are left. */
export function* shrinkPieces(pieces: readonly Uint8Array[]): Iterable<readonly Uint8Array[]> {
  const whole = Buffer.concat(pieces);
  const ends: number[] = [];
  for (const piece of pieces) ends.push((ends.at(-1) ?? 0) + piece.length);
  const cuts = ends.slice(0, -1);
  if (cuts.length > 0) {
    yield [whole];
    for (const some of without(cuts)) if (some.length > 0) yield cutAt(whole, some);
  }
  for (const [from, to] of spans(whole.length)) {
    const left = Buffer.concat([whole.subarray(0, from), whole.subarray(to)]);
    if (left.length === 0) continue;
    const moved = cuts.map((at) => (at <= from ? at : at - Math.min(at, to) + from)).filter((at) => at > 0);
    yield cutAt(left, moved);
  }
  if (whole.length > finest) return;
  for (let i = 0; i < whole.length; i++) {
    if (whole[i] === 97) continue;
    const other = Buffer.from(whole);
    other[i] = 97;
    yield cutAt(other, cuts);
  }
}
