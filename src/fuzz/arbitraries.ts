import fc from "fast-check";
import type { Arbitrary } from "fast-check";
import type { ProxyRequest } from "../harness/exchange.js";
import type { Reply } from "../harness/upstreams.js";

/** A header line: name in lower case, value in which each character is one byte. */
export type HeaderLine = readonly [name: string, value: string];

/** What generators may know of the plugin. */
export interface Hints {
  /** Words to try as header names, values, paths and bodies: those in the plugin's memory, and those of its configuration. */
  readonly words?: readonly string[];
  /** Bodies like those that the plugin is meant to read. */
  readonly bodies?: readonly string[];
}

/** An exchange to play: what the client sends, what the upstream answers. */
export interface FuzzExchange {
  readonly request: FuzzRequest;
  readonly reply: FuzzReply;
}
/** A request whose parts are always in the same form. */
export type FuzzRequest = Omit<ProxyRequest, "headers" | "body" | "trailers"> & {
  readonly headers: readonly HeaderLine[];
  readonly body?: readonly Uint8Array[];
  readonly trailers?: readonly HeaderLine[];
};
/** A reply whose parts are always in the same form. */
export type FuzzReply = Omit<Reply, "headers" | "body" | "trailers"> & {
  readonly headers: readonly HeaderLine[];
  readonly body?: readonly Uint8Array[];
  readonly trailers?: readonly HeaderLine[];
};

const tokenCharacters = [..."abcdefghijklmnopqrstuvwxyz0123456789-_.!#$%&'*+^`|~"];
/** Set by the client's codec or by the proxy: a generated one would not be a valid request. */
const framing = new Set(["host", "content-length", "transfer-encoding", "connection", "upgrade", "te", "keep-alive"]);
const commonNames =
  "accept authorization cookie x-forwarded-for x-request-id content-type user-agent origin referer x-api-key range if-none-match x-user x-tenant x-role".split(
    " ",
  );
const commonValues = [
  "",
  "0",
  "1",
  "-1",
  "4294967296",
  "Basic dXNlcjpwYXNz",
  "Bearer a.b.c",
  "Bearer",
  "a=1; b=2",
  "application/json",
  "application/grpc",
  "gzip",
  "bytes=0-",
  ",",
  "true",
  "null",
  "192.0.2.1, 198.51.100.7",
];

/** RFC 9110 token in lower case, as names of headers are after the codec. */
export const token = (): Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom(...tokenCharacters), minLength: 1, maxLength: 24 });

/** A name that a client may choose: none of framing. */
export function headerName({ words = [] }: Hints = {}): Arbitrary<string> {
  const hints = words.map((word) => word.toLowerCase()).filter((word) => /^[a-z0-9_.!#$%&'*+^`|~-]+$/.test(word));
  const known = fc.constantFrom(...commonNames, ...hints.filter((word) => word.length > 2));
  return fc
    .oneof({ weight: 5, arbitrary: known }, { weight: 1, arbitrary: token() })
    .filter((name) => !framing.has(name));
}

/** RFC 9110 field-value: visible ASCII, spaces and tabs inside, obs-text; now and then long. */
export function headerValue({ words = [] }: Hints = {}): Arbitrary<string> {
  const byte = fc.oneof(
    { weight: 12, arbitrary: fc.integer({ min: 0x21, max: 0x7e }) },
    { weight: 1, arbitrary: fc.constantFrom(0x20, 0x09) },
    { weight: 1, arbitrary: fc.integer({ min: 0x80, max: 0xff }) },
  );
  const unit = byte.map((code) => String.fromCharCode(code));
  const known = [...commonValues, ...words.filter((word) => isValue(word))];
  return fc
    .oneof(
      { weight: 4, arbitrary: fc.constantFrom(...known) },
      {
        weight: 1,
        arbitrary: fc
          .constantFrom(...known)
          .chain((word) => fc.string({ unit, maxLength: 6 }).map((end) => word + end)),
      },
      { weight: 2, arbitrary: fc.string({ unit, maxLength: 40 }) },
      { weight: 1, arbitrary: fc.nat(99_999).map(String) },
      {
        weight: 1,
        arbitrary: fc
          .tuple(fc.constantFrom("a", "%", "x,", "=", "("), fc.nat(2000))
          .map(([one, n]) => one.repeat(n).slice(0, 4000)),
      },
    )
    .map((value) => value.replace(/^[ \t]+|[ \t]+$/g, ""));
}

// oxlint-disable-next-line no-control-regex -- what a field value cannot hold
const isValue = (word: string): boolean => !/[\x00-\x08\x0a-\x1f\x7f]|[^\x00-\xff]/.test(word);

/** Header lines in order; the same name may come twice. At most 12. */
export function headerLines(hints: Hints = {}): Arbitrary<readonly HeaderLine[]> {
  const line = fc.tuple(headerName(hints), headerValue(hints));
  const twice = fc.tuple(headerName(hints), headerValue(hints), headerValue(hints)).map(
    ([name, a, b]) =>
      [
        [name, a],
        [name, b],
      ] as HeaderLine[],
  );
  const some = fc.oneof(
    { weight: 6, arbitrary: line.map((one) => [one] as HeaderLine[]) },
    { weight: 1, arbitrary: twice },
  );
  return fc.array(some, { maxLength: 6 }).map((lists) => lists.flat());
}

/** A path with query: segments, escapes, empty segments, dots; begins with "/". */
export function path({ words = [] }: Hints = {}): Arbitrary<string> {
  const hints = words.filter((word) => /^[!-~]+$/.test(word) && !word.includes("#"));
  const part = fc.constantFrom(
    "",
    "a",
    "admin",
    "..",
    ".",
    "%2e%2e",
    "%00",
    "%0d%0a",
    "%C3%A9",
    "%",
    "index.html",
    ...hints.map((word) => word.replace(/^\//, "")),
  );
  const segment = fc.oneof({ weight: 3, arbitrary: part }, { weight: 1, arbitrary: token().map(encodeURIComponent) });
  const query = fc
    .array(fc.tuple(segment, fc.option(segment, { nil: undefined })), { maxLength: 3 })
    .map((pairs) => pairs.map(([name, value]) => (value === undefined ? name : `${name}=${value}`)).join("&"));
  return fc
    .tuple(fc.array(segment, { maxLength: 3 }), fc.option(query, { nil: undefined, freq: 2 }))
    .map(([segments, search]) => `/${segments.join("/")}${search === undefined ? "" : `?${search}`}`);
}

/** Host names, addresses, with and without port. */
export const authority = (): Arbitrary<string> =>
  fc.oneof(
    fc.constantFrom("example.com", "example.com:8080", "127.0.0.1", "[::1]:80", "EXAMPLE.com", "a.b.example.com"),
    token().map((name) => `${name.replace(/[^a-z0-9-]/g, "") || "h"}.test`),
  );

/** Bodies: empty, JSON and things near it, binary, forms, multipart; up to 4 KiB. */
export function body({ words = [], bodies = [] }: Hints = {}): Arbitrary<Uint8Array> {
  const keys = fc.oneof(
    fc.constantFrom("id", "user", "amount", "name", ...words.filter((word) => /^\w+$/.test(word))),
    fc.string({ maxLength: 5 }),
  );
  const { json } = fc.letrec<{ json: unknown }>((tie) => ({
    json: fc.oneof(
      { maxDepth: 3, withCrossShrink: true },
      fc.constantFrom(null, true, 0, -1, 1e21, "", "a"),
      fc.string({ maxLength: 8 }),
      fc.array(tie("json"), { maxLength: 3 }),
      fc.dictionary(keys, tie("json"), { maxKeys: 3 }),
    ),
  }));
  const text = json.map((value) => JSON.stringify(value));
  const given = fc.constantFrom(
    "",
    "a=1&b=2",
    "{}",
    "[]",
    "{",
    '{"a":',
    "null",
    "[".repeat(200),
    "--b\r\n\r\nx\r\n--b--",
    "\u001f\u008b",
    ...bodies,
    ...words,
  );
  const cut = fc
    .tuple(fc.oneof(text, given), fc.nat(1000))
    .map(([whole, at]) => whole.slice(0, at % (whole.length + 1)));
  return fc.oneof(
    { weight: 3, arbitrary: text.map(bytesOf) },
    { weight: 3, arbitrary: given.map(bytesOf) },
    { weight: 2, arbitrary: cut.map(bytesOf) },
    { weight: 2, arbitrary: fc.uint8Array({ maxLength: 64 }) },
    { weight: 1, arbitrary: fc.nat(4096).map((size) => new Uint8Array(size).fill(97)) },
  );
}

const encoder = new TextEncoder();
const bytesOf = (text: string): Uint8Array => encoder.encode(text);

/** Ways to cut these bytes into at most 8 pieces, none of them empty. Shrinks to one piece. */
export function chunking(bytes: Uint8Array): Arbitrary<readonly Uint8Array[]> {
  if (bytes.length === 0) return fc.constant([]);
  return fc
    .array(fc.integer({ min: 1, max: Math.max(1, bytes.length - 1) }), { maxLength: 7 })
    .map((cuts) => cutAt(bytes, cuts));
}

/** The bytes in pieces that end at these places. */
export function cutAt(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const places = [...new Set([0, ...cuts, bytes.length])].filter((at) => at <= bytes.length).sort((a, b) => a - b);
  return places.slice(1).map((end, i) => bytes.subarray(places[i], end));
}

const chunks = (hints: Hints): Arbitrary<readonly Uint8Array[]> => body(hints).chain(chunking);

/** Requests valid for HTTP/1.1 and HTTP/2, with body and trailers in part of them; some clients leave. */
export function httpRequest(hints: Hints = {}): Arbitrary<FuzzRequest> {
  const method = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom("GET", "POST") },
    { weight: 1, arbitrary: fc.constantFrom("PUT", "HEAD", "DELETE", "OPTIONS", "PATCH") },
  );
  return fc
    .tuple(
      fc.record({
        method,
        path: path(hints),
        authority: authority(),
        protocol: fc.constantFrom("HTTP/1.1", "HTTP/2"),
        headers: headerLines(hints),
      }),
      fc.option(chunks(hints), { nil: undefined, freq: 2 }),
      fc.option(fc.array(fc.tuple(headerName(hints), headerValue(hints)), { minLength: 1, maxLength: 2 }), {
        nil: undefined,
        freq: 12,
      }),
      fc.oneof({ weight: 12, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: fc.constantFrom(0, 1, 15) }),
    )
    .map(requestOf);
}

/** Answers of an upstream: any final status, body in pieces, now and then a fault. */
export function httpResponse(hints: Hints = {}): Arbitrary<FuzzReply> {
  const status = fc.oneof(
    { weight: 4, arbitrary: fc.constant(200) },
    { weight: 2, arbitrary: fc.constantFrom(201, 204, 301, 304, 400, 401, 403, 404, 429, 500, 502, 503) },
    { weight: 1, arbitrary: fc.integer({ min: 200, max: 599 }) },
  );
  return fc
    .tuple(
      status,
      headerLines(hints),
      fc.option(chunks(hints), { nil: undefined, freq: 3 }),
      fc.oneof(
        { weight: 14, arbitrary: fc.constant(undefined) },
        { weight: 1, arbitrary: fc.constantFrom("refused", "reset", "reset after headers") },
      ),
      fc.option(fc.constantFrom(5, 40), { nil: undefined, freq: 10 }),
    )
    .map(replyOf);
}

/** A request and the answer to it. */
export const exchange = (hints: Hints = {}): Arbitrary<FuzzExchange> =>
  fc.record({ request: httpRequest(hints), reply: httpResponse(hints) });

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

type Pieces = readonly Uint8Array[] | undefined;

function requestOf([head, pieces, trailers, abortAfterMs]: [
  Omit<FuzzRequest, "body" | "trailers">,
  Pieces,
  HeaderLine[] | undefined,
  number | undefined,
]): FuzzRequest {
  return {
    ...head,
    ...(pieces !== undefined && pieces.length > 0 && { body: pieces, ...(trailers !== undefined && { trailers }) }),
    ...(abortAfterMs !== undefined && { abortAfterMs }),
  };
}

function replyOf([code, lines, pieces, fault, delayMs]: [
  number,
  readonly HeaderLine[],
  Pieces,
  string | undefined,
  number | undefined,
]): FuzzReply {
  return {
    status: code,
    headers: lines.filter(([name]) => name !== "range"),
    ...(pieces !== undefined && code !== 204 && code !== 304 && { body: pieces }),
    ...(fault !== undefined && { fault }),
    ...(delayMs !== undefined && { delayMs }),
  } as FuzzReply;
}
