import type { ByteString } from "../abi/bytes.js";
import { bytesOf, utf8 } from "../abi/bytes.js";
import { logLevelNames } from "../abi/enums.js";
import { didYouMean } from "../abi/nearest.js";
import type { Exchange } from "../harness/exchange.js";
import type { ProxyCall } from "../harness/proxy.js";
import type { LogRecord } from "../host/log-book.js";
import type { Metric } from "../host/services/metrics.js";
import { attributeKind } from "../proxy/envoy/attribute-kinds.js";
import type { HeaderMap } from "../proxy/header-map.js";
import { HeaderMap as Headers } from "../proxy/header-map.js";
import type { BytesMatcher, HeaderMatcher } from "./matchers.js";
import { mismatch, shown, shownText, wordsOf } from "./matchers.js";
import type {
  Expectations,
  Failure,
  Located,
  LogExpectation,
  MessageExpectations,
  MetricExpectation,
} from "./types.js";

/** What there is to be looked at, of a step or of a whole case. */
export interface Seen {
  /** The last one that was touched. */
  readonly exchange: Exchange | undefined;
  readonly logs: readonly LogRecord[];
  readonly calls: readonly ProxyCall[];
  readonly metrics: readonly Metric[];
  readonly stats: ReadonlyMap<string, string>;
}

type Fail = (one: Failure) => void;

/** Compares what was seen with what is expected, but for failures and snapshots. */
export function check(expect: Expectations, seen: Seen): Failure[] {
  const failures: Failure[] = [];
  const fail: Fail = (one) => void failures.push(one);
  const { exchange } = seen;
  if (expect.response !== undefined && exchange !== undefined) checkResponse(expect.response, exchange, fail);
  if (expect.reply !== undefined && exchange !== undefined) {
    if (exchange.upstreamRequest !== undefined)
      fail({
        where: expect.reply.where,
        message: `Expected a reply of the plugin, but upstream "${exchange.upstreamRequest.upstream}" was asked`,
      });
    checkResponse(expect.reply, exchange, fail);
  }
  if (expect.upstreamRequest !== undefined && exchange !== undefined)
    checkUpstream(expect.upstreamRequest, exchange, fail);
  if (expect.logs !== undefined) checkLogs(expect.logs, seen.logs, fail);
  for (const one of expect.noLogs ?? []) checkNoLog(one, seen.logs, fail);
  for (const one of expect.metrics ?? []) checkMetric(one, seen.metrics, fail);
  if (expect.calls !== undefined) checkCalls(expect.calls, seen.calls, fail);
  for (const { where, value } of expect.properties ?? []) {
    const state = exchange?.access?.filterState;
    const found = state?.get(`wasm.${value.path}`) ?? state?.get(value.path.replace(/^filter_state\./, ""));
    checkText(
      `property ${value.path}`,
      found,
      { where, value: value.is },
      fail,
      attributeKind(value.path) === undefined ? didYouMean(value.path, propertyNames(state)) : attributeHint,
    );
  }
  for (const { where, value } of expect.stats ?? []) {
    const found = seen.stats.get(value.name);
    const hint = didYouMean(value.name, seen.stats.keys());
    checkText(
      `statistic ${value.name}`,
      found === undefined ? undefined : utf8(found),
      { where, value: value.is },
      fail,
      hint,
    );
  }
  for (const { where, value } of expect.access ?? []) {
    const found = exchange?.access?.[value.field as "path"];
    checkText(
      `access log ${value.field}`,
      found === undefined ? undefined : bytesOf(String(found)),
      { where, value: value.is },
      fail,
    );
  }
  return failures;
}

const attributeHint =
  ": it is an attribute of Envoy, and only what plugins set can be expected here (access, response and upstreamRequest have the exchange)";

const propertyNames = (state: ReadonlyMap<string, unknown> | undefined): string[] =>
  [...(state?.keys() ?? [])].map((name) => name.replace(/^wasm\./, ""));

function checkText(
  what: string,
  found: Uint8Array | undefined,
  { where, value }: Located<BytesMatcher>,
  fail: Fail,
  hint = "",
): void {
  if (found === undefined)
    fail({ where, message: `Expected ${what} to be ${wordsOf(value)}, but there is none${hint}` });
  else if (mismatch(found, value) !== undefined)
    fail({
      where,
      message: `Expected ${what} to be ${wordsOf(value)}, got ${shown(found)}`,
      ...bothSides(value, found),
    });
}

/** Both sides, where a diff tells more than the sentence. */
function bothSides(value: BytesMatcher, found: Uint8Array): Pick<Failure, "expected" | "actual"> {
  if (value.exactly !== undefined) return { expected: shown(value.exactly), actual: shown(found) };
  return { expected: wordsOf(value), actual: shown(found) };
}

// --------------------------------------------------------------------------------------------------------- messages

/** A message in the form that all checks need. */
interface Message {
  readonly what: string;
  readonly headers: HeaderMap;
  readonly trailers: HeaderMap | undefined;
  readonly body: Uint8Array;
}

function checkResponse(expect: MessageExpectations, { response }: Exchange, fail: Fail): void {
  const { status, complete, reset } = expect;
  const details = response.body.length > 0 ? [`body: ${shown(response.body)}`] : [];
  if (status !== undefined && status.value !== response.status) {
    const got = response.status === 0 ? "none came" : `got ${response.status}`;
    const [expected, actual] = [String(status.value), String(response.status)];
    fail({ where: status.where, message: `Expected status ${status.value}, ${got}`, expected, actual, details });
  }
  if (complete !== undefined && complete.value !== response.complete)
    fail({
      where: complete.where,
      message: `Expected the response to be ${complete.value ? "" : "in"}complete; it is not`,
    });
  if (reset !== undefined && reset.value !== response.wasReset)
    fail({ where: reset.where, message: `Expected the stream ${reset.value ? "" : "not "}to be cut off` });
  checkMessage(expect, { what: "response", ...partsOf(response) }, fail);
}

function partsOf({ headers, trailers, body }: Omit<Message, "what">): Omit<Message, "what"> {
  return { headers, trailers, body };
}

function checkUpstream(expect: NonNullable<Expectations["upstreamRequest"]>, exchange: Exchange, fail: Fail): void {
  const { upstreamRequest: request } = exchange;
  if ("value" in expect) {
    if (request !== undefined) {
      const line = `${request.method} ${shownText(request.path)}`;
      fail({ where: expect.where, message: `Expected no upstream to be asked, but "${request.upstream}" got ${line}` });
    }
    return;
  }
  if (request === undefined) {
    const { status } = exchange.response;
    return fail({
      where: expect.where,
      message: `Expected a request upstream, but none came there (the client got ${status === 0 ? "nothing" : status})`,
    });
  }
  checkRequest(expect, { what: "upstream request", name: request.upstream, ...partsOf(request) }, fail);
}

function checkRequest(expect: MessageExpectations, message: Message & { readonly name: string }, fail: Fail): void {
  const { upstream, method, path } = expect;
  if (upstream !== undefined && upstream.value !== message.name)
    fail({
      where: upstream.where,
      message: `Expected the ${message.what} to go to "${upstream.value}", it went to "${message.name}"`,
    });
  for (const [pseudo, is] of [
    ["method", method],
    ["path", path],
  ] as const) {
    const found = message.headers.first(`:${pseudo}`);
    if (is !== undefined)
      checkText(`${message.what} ${pseudo}`, found === undefined ? undefined : bytesOf(found), is, fail);
  }
  checkMessage(expect, message, fail);
}

function checkMessage(expect: MessageExpectations, { what, headers, trailers, body }: Message, fail: Fail): void {
  for (const one of expect.headers ?? []) checkHeader(`${what} header`, one, headers, fail);
  if (expect.headerList !== undefined) checkHeaderList(what, expect.headerList, headers, fail);
  for (const one of expect.trailers ?? []) checkHeader(`${what} trailer`, one, trailers ?? noHeaders, fail);
  if (expect.body !== undefined) checkText(`${what} body`, body, expect.body, fail);
}

const noHeaders = new Headers("response");

function checkHeader(what: string, { where, value }: Located<HeaderMatcher>, map: HeaderMap, fail: Fail): void {
  const { name, is } = value;
  const found = [...map.pairs()].filter(([key]) => key === name).map(([, one]) => one);
  const names = new Set([...map.pairs()].map(([key]) => key));
  const list = headerLines(map);
  const got = found.length === 0 ? `there is none${didYouMean(name, names)}` : `got ${found.map(shownText).join(", ")}`;
  const lines = (values: readonly string[]): string => values.map((one) => `${name}: ${one}`).join("\n");
  const both = (expected: string): Pick<Failure, "expected" | "actual" | "details"> => ({
    expected,
    actual: lines(found.map(shownText)),
    details: list,
  });
  if (is === "absent") {
    if (found.length > 0) fail({ where, message: `Expected no ${what} ${name}, ${got}`, ...both("") });
  } else if (is === "present") {
    if (found.length === 0) fail({ where, message: `Expected ${what} ${name}, but ${got}`, details: list });
  } else if (is.length !== found.length || is.some((one, i) => mismatch(bytesOf(found[i]!), one) !== undefined)) {
    const wanted = is.map(wordsOf);
    const but = found.length === 0 ? "but " : "";
    fail({
      where,
      message: `Expected ${what} ${name} to be ${wanted.join(", ")}, ${but}${got}`,
      ...both(lines(wanted)),
    });
  }
}

export function headerLines(map: HeaderMap): string[] {
  return [...map.pairs()].map(([name, value]) => lineOf(name, value));
}

const lineOf = (name: ByteString, value: ByteString): string => `${name}: ${shownText(value).replace(/^"|"$/g, "")}`;

function checkHeaderList(
  what: string,
  { where, value }: NonNullable<MessageExpectations["headerList"]>,
  map: HeaderMap,
  fail: Fail,
): void {
  const found = [...map.pairs()].filter(([name]) => !name.startsWith(":"));
  const same =
    found.length === value.length && found.every(([name, one], i) => name === value[i]![0] && one === value[i]![1]);
  if (same) return;
  const linesOf = (pairs: readonly (readonly [string, string])[]): string =>
    pairs.map(([name, one]) => lineOf(name, one)).join("\n");
  fail({
    where,
    message: `Expected the ${what} to have exactly these headers`,
    expected: linesOf(value),
    actual: linesOf(found),
  });
}

// ------------------------------------------------------------------------------------------------ logs, metrics, calls

const fits = ({ level, message }: LogExpectation, record: LogRecord): boolean =>
  (level === undefined || logLevelNames[record.level] === level) && mismatch(record.bytes, message) === undefined;

const lineWords = ({ level, message }: LogExpectation): string =>
  `${level === undefined ? "a" : `${/^[aeiou]/.test(level) ? "an" : "a"} ${level}`} line that is ${wordsOf(message)}`;

function checkLogs(expect: readonly Located<LogExpectation>[], logs: readonly LogRecord[], fail: Fail): void {
  let at = 0;
  for (const { where, value } of expect) {
    const found = logs.findIndex((record, i) => i >= at && fits(value, record));
    if (found >= 0) {
      at = found + 1;
      continue;
    }
    const early = logs.some((record) => fits(value, record)) ? ": it came before one that is expected earlier" : "";
    return fail({ where, message: `Expected ${lineWords(value)} in the log${early}` });
  }
}

function checkNoLog({ where, value }: Located<LogExpectation>, logs: readonly LogRecord[], fail: Fail): void {
  const found = logs.find((record) => fits(value, record));
  if (found !== undefined)
    fail({ where, message: `Expected no line that is ${wordsOf(value.message)}, got ${shown(found.bytes)}` });
}

function checkMetric({ where, value }: Located<MetricExpectation>, metrics: readonly Metric[], fail: Fail): void {
  const { name, value: wanted } = value;
  const found = metrics.find((one) => one.name === name);
  if (wanted === "absent") {
    if (found !== undefined) fail({ where, message: `Expected no metric ${name}, but the plugin defined it` });
    return;
  }
  if (found === undefined) {
    const hint = didYouMean(
      name,
      metrics.map((one) => one.name),
    );
    return fail({ where, message: `Expected metric ${name} to be ${String(wanted)}, but no plugin defined it${hint}` });
  }
  const got = found.type === histogram ? `[${found.samples.join(", ")}]` : String(found.value);
  const expected = typeof wanted === "bigint" ? String(wanted) : `[${wanted.join(", ")}]`;
  if (got !== expected)
    fail({ where, message: `Expected metric ${name} to be ${expected}, got ${got}`, expected, actual: got });
}
const histogram = 2;

function checkCalls(
  { where, value }: NonNullable<Expectations["calls"]>,
  calls: readonly ProxyCall[],
  fail: Fail,
): void {
  const list = calls.map(
    (one) =>
      `${one.upstream}: ${one.headers.first(":method") ?? ""} ${shownText(one.headers.first(":path") ?? "")}, ${one.outcome}`,
  );
  if (value.length !== calls.length)
    fail({ where, message: `Expected ${value.length} calls, got ${calls.length}`, details: list });
  for (const [i, expect] of value.entries()) {
    const call = calls[i];
    if (call === undefined) return;
    const what = `call ${i + 1}`;
    checkRequest(
      expect,
      { what, name: call.upstream, headers: call.headers, trailers: undefined, body: call.body },
      fail,
    );
    if (expect.status !== undefined && expect.status.value !== call.status)
      fail({
        where: expect.status.where,
        message: `Expected ${what} to be answered with ${expect.status.value}, got ${call.status ?? "no answer"}`,
      });
    if (expect.outcome !== undefined && expect.outcome.value !== call.outcome)
      fail({
        where: expect.outcome.where,
        message: `Expected ${what} to be ${expect.outcome.value}, it is ${call.outcome}`,
      });
  }
}
