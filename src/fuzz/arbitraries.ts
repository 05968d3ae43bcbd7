import fc from "fast-check";
import type { Arbitrary } from "fast-check";
import type { FuzzCase, FuzzExchange, FuzzReply, FuzzRequest, HeaderLine } from "./case.js";
import { cutAt, drawBody } from "./generate/body.js";
import { Drawn } from "./drawn.js";
import type { Draw } from "./generate/draw.js";
import { drawAuthority, drawLines, drawName, drawPath, drawToken, drawValue } from "./generate/fields.js";
import type { CaseSettings } from "./generate/messages.js";
import { drawCase, drawExchange, drawReply, drawRequest } from "./generate/messages.js";
import type { Hints } from "./generate/vocabulary.js";
import { Vocabulary } from "./generate/vocabulary.js";
import type { Shrink } from "./shrink.js";
import { shrinkCase, shrinkExchange, shrinkPieces, shrinkReply, shrinkRequest, shrinkText, without } from "./shrink.js";

const withWords =
  <T>(draw: (draw: Draw, words: Vocabulary) => T, shrink: Shrink<T>) =>
  (hints: Hints = {}): Arbitrary<T> => {
    const words = new Vocabulary(hints);
    return new Drawn((one) => draw(one, words), shrink);
  };

function* nonEmpty(text: string): Iterable<string> {
  for (const smaller of shrinkText(text)) if (smaller !== "") yield smaller;
}
function* pathsNear(text: string): Iterable<string> {
  for (const tail of shrinkText(text.slice(1))) yield `/${tail}`;
}
function* valuesNear(text: string): Iterable<string> {
  for (const smaller of shrinkText(text)) if (smaller === smaller.trim()) yield smaller;
}
function* bytesNear(bytes: Uint8Array): Iterable<Uint8Array> {
  if (bytes.length > 0) yield bytes.subarray(0, 0);
  for (const [piece] of shrinkPieces([bytes])) yield piece!;
}

/** RFC 9110 token in lower case, as names of headers are after the codec. */
export const token = (): Arbitrary<string> => new Drawn(drawToken, nonEmpty);
/** A name that a client may choose: none of framing. */
export const headerName = withWords(drawName, () => []);
/** RFC 9110 field-value: visible ASCII, spaces and tabs inside, obs-text; now and then long. */
export const headerValue = withWords(drawValue, valuesNear);
/** Header lines in order; the same name may come twice. */
export const headerLines = withWords<readonly HeaderLine[]>(drawLines, without);
/** A path with query: segments, escapes, empty segments, dots; begins with "/". */
export const path = withWords(drawPath, pathsNear);
/** Host names, addresses, with and without port. */
export const authority = (): Arbitrary<string> => new Drawn(drawAuthority, () => []);
/** Bodies: empty, JSON and things near it, binary, forms, multipart, compressed. */
export const body = withWords(drawBody, bytesNear);
/** Requests valid for HTTP/1.1 and HTTP/2, gRPC too, with body and trailers in part of them; some clients leave. */
export const httpRequest = withWords<FuzzRequest>(drawRequest, shrinkRequest);
/** Answers of an upstream: any final status, body in pieces, now and then a fault. */
export const httpResponse = withWords<FuzzReply>(drawReply, shrinkReply);
/** A request and the answer to it. */
export const exchange = withWords<FuzzExchange>(drawExchange, shrinkExchange);
/** What `fuzz` plays: exchanges on one plugin, with what its calls are answered, and which hostcalls fail. */
export function fuzzCase(hints: Hints = {}, settings: CaseSettings = {}): Arbitrary<FuzzCase> {
  const words = new Vocabulary(hints);
  return new Drawn((one) => drawCase(one, words, settings), shrinkCase);
}

/** A case that was made some other way, to be shrunk. */
export const caseItself = (given: FuzzCase): Arbitrary<FuzzCase> => new Drawn(() => given, shrinkCase);

/** Ways to cut these bytes into at most 8 pieces, none of them empty. Shrinks to one piece. */
export function chunking(bytes: Uint8Array): Arbitrary<readonly Uint8Array[]> {
  if (bytes.length === 0) return fc.constant([]);
  return fc
    .array(fc.integer({ min: 1, max: Math.max(1, bytes.length - 1) }), { maxLength: 7 })
    .map((cuts) => cutAt(bytes, cuts));
}

/** Plugin configurations near the given one: cut, with members dropped, of other types, empty. Never the same. */
export function configurationNear(given: string): Arbitrary<string> {
  const others = fc.oneof(fc.constantFrom("", "{}", "[]", "null", "0", '""', "{", "\u0000"), fc.json({ maxDepth: 2 }));
  const cut = fc.nat(given.length).map((at) => given.slice(0, at));
  const changed = fc
    .tuple(fc.nat(Math.max(0, given.length - 1)), fc.constantFrom('"', "{", "}", "0", " ", "\\", "-", "é"))
    .map(([at, by]) => given.slice(0, at) + by + given.slice(at + 1));
  const values = fc
    .constantFrom("null", "0", '""', "[]", "{}", "-1", "1e99", `"${"a".repeat(5000)}"`)
    .map((value) => given.replace(/:\s*("[^"]*"|[\w.-]+)/, `:${value}`));
  return fc.oneof(others, cut, changed, values).filter((text) => text !== given);
}
