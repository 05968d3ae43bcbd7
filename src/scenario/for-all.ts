import { bytesOf, byteString } from "../abi/bytes.js";
import type { FuzzCase, FuzzRequest } from "../fuzz/case.js";
import { isFraming } from "../fuzz/generate/vocabulary.js";
import type { RequestHint } from "../fuzz/generate/vocabulary.js";
import type { FuzzProperty } from "../fuzz/properties.js";
import { check } from "./check.js";
import type { BytesMatcher, HeaderMatcher } from "./matchers.js";
import { mismatch } from "./matchers.js";
import { changed, defined, integer, object, placeless } from "./shape.js";
import type { Expectations, Located } from "./types.js";
import { headerMatchers, matcher } from "./values.js";

/** Requests that something is said about: those that are all of this. */
export interface RequestMatcher {
  readonly method?: BytesMatcher;
  readonly path?: BytesMatcher;
  readonly authority?: BytesMatcher;
  readonly body?: BytesMatcher;
  readonly headers?: readonly Located<HeaderMatcher>[];
  /** Cases that are generated. Default 500. */
  readonly runs?: number;
}

/** Requests of a property. */
export const forAll = defined(
  "forAll",
  changed(
    object("requests", {
      method: [matcher, "A text, or a condition"],
      path: [matcher, "Path with query: a text, or a condition"],
      authority: [matcher, "A text, or a condition"],
      body: [matcher, "The whole body: a text, or a condition"],
      headers: [headerMatchers, "Headers among others: a text, a list of values, a condition, absent, present"],
      runs: [integer(1, 10_000_000), "Cases that pwh test generates. Default 500"],
    }),
    (given): RequestMatcher => placeless(given),
  ),
);

/** What the vocabulary of a property does not have: it is about one exchange of many. */
export const notForAll = ["metrics", "stats", "failure", "snapshot"] as const satisfies readonly (keyof Expectations)[];

/** What a scenario says of all requests, as a property of `fuzz()`. */
export class ForAll implements FuzzProperty {
  readonly summary: string;
  /** Requests that it was about. */
  matched = 0;
  readonly name: string;
  readonly requests: readonly RequestHint[];
  private readonly _match: RequestMatcher;
  private readonly _expect: Expectations;

  constructor(name: string, match: RequestMatcher, expect: Expectations) {
    this.name = this.summary = name;
    this._match = match;
    this._expect = expect;
    this.requests = [hintOf(match)];
  }

  check({ exchanges, faults }: FuzzCase, { outcomes }: Parameters<FuzzProperty["check"]>[1]) {
    if (faults !== undefined) return undefined;
    for (const [i, { seen }] of outcomes.entries()) {
      const { request, reply } = exchanges[i]!;
      // a client that leaves and an upstream that breaks decide the outcome by themselves
      if (request.abortAfterMs !== undefined || reply.fault !== undefined || !matches(request, this._match)) continue;
      this.matched++;
      const [failure, ...others] = check(this._expect, { ...seen, metrics: [], stats: new Map() });
      if (failure === undefined) continue;
      const { line, column } = failure.where ?? this._expect.where;
      return {
        cause: `${line}:${column}`,
        message: failure.message,
        details: [...(failure.details ?? []), ...others.map(({ message }) => message)],
      };
    }
    return undefined;
  }
}

function matches(request: FuzzRequest, { method, path, authority, body, headers = [] }: RequestMatcher): boolean {
  const is = (found: string | undefined, wanted: BytesMatcher | undefined): boolean =>
    wanted === undefined || mismatch(bytesOf(found ?? ""), wanted) === undefined;
  if (!is(request.method, method) || !is(request.path, path) || !is(request.authority, authority)) return false;
  if (body !== undefined && mismatch(Buffer.concat(request.body ?? []), body) !== undefined) return false;
  return headers.every(({ value: { name, is: wanted } }) => {
    const found = request.headers.filter(([one]) => one === name).map(([, value]) => value);
    if (wanted === "absent") return found.length === 0;
    if (wanted === "present") return found.length > 0;
    return wanted.length === found.length && wanted.every((one, at) => is(found[at], one));
  });
}

/** A text that fits, as far as one can be read off. */
function textOf(given: BytesMatcher | undefined): string | undefined {
  const bytes = given?.exactly ?? given?.startsWith ?? given?.contains ?? given?.endsWith;
  if (bytes !== undefined) return byteString(bytes);
  return given?.regex && /^\^?((?:[\w/ -]|\\[./-])+)/.exec(given.regex.source)?.[1]!.replaceAll("\\", "");
}

// oxlint-disable-next-line no-control-regex -- what a field value cannot hold
const noValue = /[\x00-\x08\x0a-\x1f\x7f]/g;

/** A field value that fits: what begins so goes on, for a value does not end in a space. */
function valueOf(given: BytesMatcher): string | undefined {
  const text = textOf(given)?.replace(noValue, "");
  const open = given.exactly === undefined && given.endsWith === undefined;
  return text === undefined ? undefined : (open ? `${text}a` : text).trim();
}

/** How a request is made that is mostly of these. */
function hintOf({ method, path, headers = [] }: RequestMatcher): RequestHint {
  const lines: [string, string | undefined][] = [];
  const without: string[] = [];
  for (const { value: one } of headers) {
    without.push(one.name);
    if (one.name.startsWith(":") || isFraming(one.name)) continue;
    if (one.is === "present") lines.push([one.name, undefined]);
    else if (one.is !== "absent") for (const value of one.is) lines.push([one.name, valueOf(value)]);
  }
  const [verb, start] = [textOf(method), textOf(path)?.replace(/[^!-~]/g, "")];
  return {
    ...(verb !== undefined && { method: verb }),
    ...(start !== undefined && { path: start.startsWith("/") ? start : `/${start}` }),
    exact: path?.exactly !== undefined || path?.endsWith !== undefined,
    lines,
    without,
  };
}
