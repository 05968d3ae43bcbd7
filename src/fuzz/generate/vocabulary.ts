import { gzipSync } from "node:zlib";
import type { HeaderLine } from "../case.js";

/** A request that something is wanted of. */
export interface RequestHint {
  readonly method?: string;
  /** The path begins so, or is it where `exact`. */
  readonly path?: string;
  readonly exact?: boolean;
  /** Headers to have, each with its value or, where there is none, with any. */
  readonly lines: readonly (readonly [name: string, value: string | undefined])[];
  /** Headers to have no others of. */
  readonly without: readonly string[];
}

/** What generators may know of the plugin. */
export interface Hints {
  /** Words to try as header names, values, paths and bodies: those in the plugin's memory, and those of its configuration. */
  readonly words?: readonly string[];
  /** Bodies like those that the plugin is meant to read. Of JSON values, others near them are made, too. */
  readonly bodies?: readonly string[];
  /** JSON Schemas of such bodies. */
  readonly schemas?: readonly object[];
  /** Half of the requests are like one of these. */
  readonly requests?: readonly RequestHint[];
}

/** Set by the client's codec or by the proxy: a generated one would not be a valid request. */
const framing = new Set(["host", "content-length", "transfer-encoding", "connection", "upgrade", "te", "keep-alive"]);

const commonNames =
  "accept authorization cookie x-forwarded-for forwarded x-request-id content-type content-encoding user-agent origin referer x-api-key range if-none-match x-user x-tenant x-role".split(
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
  "for=192.0.2.1;proto=https",
];
const commonSegments = [
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
  "pkg.Service",
];
const commonBodies = [
  "",
  "a=1&b=2",
  "{}",
  "[]",
  "{",
  '{"a":',
  "null",
  "[".repeat(200),
  '--b\r\ncontent-disposition: form-data; name="a"\r\n\r\nx\r\n--b--\r\n',
];
const commonKeys = ["id", "user", "amount", "name"];

const isName = (word: string): boolean => /^[a-z0-9_.!#$%&'*+^`|~-]{3,}$/.test(word) && !framing.has(word);
// oxlint-disable-next-line no-control-regex -- what a field value cannot hold
const isValue = (word: string): boolean => !/[\x00-\x08\x0a-\x1f\x7f]|[^\x00-\xff]/.test(word);

/** The words generators choose from, sorted by where they fit. More may be learned while a plugin runs. */
export class Vocabulary {
  readonly names: string[] = [...commonNames];
  readonly values: string[] = [...commonValues];
  readonly segments: string[] = [...commonSegments];
  readonly keys: string[] = [...commonKeys];
  readonly bodies: Uint8Array[];
  /** JSON values of bodies that were given, and schemas of them. */
  readonly examples: readonly unknown[];
  readonly schemas: readonly object[];
  readonly requests: readonly RequestHint[];
  /** Lines in which name and value belong together. */
  readonly lines: HeaderLine[] = [
    ["content-type", "application/json"],
    ["content-type", "application/grpc"],
    ["content-encoding", "gzip"],
  ];
  private readonly _known = new Set<string>();

  constructor({ words = [], bodies = [], schemas = [], requests = [] }: Hints = {}) {
    this.examples = bodies.flatMap((body) => jsonIn(body));
    this.schemas = schemas;
    this.requests = requests;
    this.bodies = [...commonBodies, ...bodies].map(bytesOf);
    this.bodies.push(new Uint8Array([0x1f, 0x8b]), gzipSync(bytesOf(bodies[0] ?? '{"id":1}')));
    for (const word of words) this.learn(word);
  }

  /** Takes a word in wherever it can stand. */
  learn(word: string): void {
    if (this._known.has(word) || word === "") return;
    this._known.add(word);
    const lower = word.toLowerCase();
    if (isName(lower)) this.names.push(lower);
    if (isValue(word)) this.values.push(word.trim());
    if (/^[!-~]+$/.test(word) && !word.includes("#")) this.segments.push(word.replace(/^\//, ""));
    if (/^\w+$/.test(word)) this.keys.push(word);
    this.bodies.push(bytesOf(word));
  }

  /** Takes in what can only be a value: a number. */
  learnValue(word: string): void {
    if (this._known.has(word)) return;
    this._known.add(word);
    this.values.push(word);
    this.segments.push(word);
    this.bodies.push(bytesOf(word));
  }
}

function jsonIn(text: string): unknown[] {
  try {
    return [JSON.parse(text) as unknown];
  } catch {
    return []; // another kind of body
  }
}

const encoder = new TextEncoder();
export const bytesOf = (text: string): Uint8Array => encoder.encode(text);

export const isFraming = (name: string): boolean => framing.has(name);
