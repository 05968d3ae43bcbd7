import type { Pair } from "../abi/pairs.js";
import { HarnessError } from "../errors.js";
import { didYouMean } from "../abi/nearest.js";
import type { FuzzCase, FuzzExchange } from "./case.js";
import { cutAt } from "./generate/body.js";
import type { RequestHint } from "./generate/vocabulary.js";
import type { LeftMessage, Outcome, Played } from "./player.js";

/** What broke: the cause is the same for all inputs that break it the same way, the message tells of this one. */
export interface Violation {
  readonly cause: string;
  readonly message: string;
  /** Further lines: guest frames with source lines, last hostcalls. */
  readonly details?: readonly string[];
}

/** What has to hold for every case. */
export interface FuzzProperty {
  readonly name: string;
  readonly summary: string;
  /** Checked unless others are named: it holds for any sane filter. Default false. */
  readonly byDefault?: boolean;
  /** It plays other cases to compare with: seldom checked where coverage leads to many cases that are nearly the same. */
  readonly compares?: boolean;
  /** Cases that it said something of, where it does not speak of all. */
  readonly matched?: number;
  /** What half of the generated requests are like, that there are enough for it. */
  readonly requests?: readonly RequestHint[];
  /**
   * @param again Plays another case in a fresh state of the same plugin.
   * @param thorough Whether to play all that the case is to be compared with. Else some are enough: cases are many.
   */
  check(given: FuzzCase, played: Played, again: (other: FuzzCase) => Played, thorough: boolean): Violation | undefined;
}

/** A property that looks at each exchange by itself. */
function each(
  name: string,
  summary: string,
  byDefault: boolean,
  look: (
    outcome: Outcome,
    exchange: FuzzExchange,
    given: FuzzCase,
  ) => string | [cause: string, message: string] | undefined,
): FuzzProperty {
  return {
    name,
    summary,
    byDefault,
    check(given, { outcomes }) {
      for (const [i, outcome] of outcomes.entries()) {
        const found = look(outcome, given.exchanges[i]!, given);
        if (found === undefined) continue;
        return typeof found === "string" ? { cause: found, message: found } : { cause: found[0], message: found[1] };
      }
      return undefined;
    },
  };
}

/** A property about how the plugin fails. */
function never(name: string, summary: string, code: string): FuzzProperty {
  return {
    name,
    summary,
    byDefault: true,
    check(given, { failure }, again) {
      if (failure?.code !== code) return undefined;
      // on a busy machine anything may take long once
      if (code === "GUEST_TIMEOUT" && again(given).failure?.code !== code) return undefined;
      const frame = failure.details.find((line) => /^\s*at /.test(line)) ?? "";
      const cause = `${failure.message.replace(/\d+/g, "N")} ${frame.trim()}`;
      return { cause, message: failure.message, details: failure.details };
    },
  };
}

function of(headers: readonly Pair[], name: string): string[] {
  const values: string[] = [];
  for (const [one, value] of headers) if (one === name) values.push(value);
  return values;
}

function wrongLength({ headers, body, complete }: LeftMessage): boolean {
  return complete && of(headers, "content-length").some((length) => length !== String(body.length));
}

/** [RFC 9110 8.6] Answers to HEAD, and 304, say the length of a body that does not come. */
const bodyless = ({ request }: FuzzExchange, { status }: Outcome): boolean =>
  request.method === "HEAD" || status === 304 || status === 204;

function invalid({ headers }: LeftMessage, pseudo: readonly string[]): [string, string] | undefined {
  for (const [name, value] of headers) {
    if (/[\r\n\0]/.test(value))
      return [
        `line break in ${name}`,
        `header "${name}" leaves with a control character in its value ${JSON.stringify(value)}`,
      ];
    if (name === "" || /[\r\n\0 ]|.:/s.test(name))
      return ["invalid name", `a header leaves with the name ${JSON.stringify(name)}`];
  }
  for (const name of pseudo) {
    const { length } = of(headers, name);
    if (length !== 1) return [`${name} ${length === 0 ? "missing" : "repeated"}`, `${name} is there ${length} times`];
  }
  return undefined;
}

/** What the plugin decided, bytes apart. */
const verdict = ({ status, upstream }: Outcome): string =>
  `${status === 0 ? "no answer" : `status ${status}`}, ${upstream === undefined ? "never reached the upstream" : "reached the upstream"}`;
const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

/** How two outcomes differ, if they do. */
export function difference(a: Outcome | undefined, b: Outcome | undefined, bodies: boolean): string | undefined {
  if (a === undefined || b === undefined) return a === b ? undefined : "the plugin fails in one of them";
  if (verdict(a) !== verdict(b)) return `${verdict(a)}; then ${verdict(b)}`;
  if (!bodies) return undefined;
  if (!same(a.response.body, b.response.body)) return "the client gets another body";
  if (a.upstream && b.upstream && !same(a.upstream.body, b.upstream.body)) return "the upstream gets another body";
  return undefined;
}

/** A client that leaves, or an upstream that breaks, meets a plugin at another moment when pieces differ. */
const undisturbed = ({ request, reply }: FuzzExchange): boolean =>
  request.abortAfterMs === undefined && reply.fault === undefined;

/** A fault is told by the number of a call: where others are made, it would meet another one. */
const isComparable = ({ repeat, exchanges, faults }: FuzzCase): boolean =>
  repeat === 1 && faults === undefined && exchanges.every(undisturbed);

/**
 * One of the list or, as often, none, by nothing but what the exchange has: the same case is always compared with the same. New
 * cases find more than further looks at one.
 */
function someOf<T>(list: readonly T[], { request, reply }: FuzzExchange): readonly T[] {
  const chosen = ((request.path ?? "").length + request.headers.length + reply.headers.length) % (2 * list.length);
  return list.slice(chosen, chosen + 1);
}

/** Compares with the same case in which each exchange is replaced. */
function invariant(
  name: string,
  summary: string,
  bodies: boolean,
  others: (exchange: FuzzExchange) => readonly FuzzExchange[],
): FuzzProperty {
  return {
    name,
    summary,
    byDefault: true,
    compares: true,
    check(given, played, again, thorough) {
      if (!isComparable(given) || played.failure !== undefined) return undefined;
      const last = given.exchanges.length - 1;
      const exchange = given.exchanges[last]!;
      for (const other of thorough ? others(exchange) : someOf(others(exchange), exchange)) {
        const { outcomes, failure } = again({ ...given, exchanges: [...given.exchanges.slice(0, last), other] });
        const found = difference(played.outcomes[last], outcomes[last], bodies);
        if (found !== undefined)
          return { cause: "differs", message: `${summary}: ${found}`, details: failure?.details ?? [] };
      }
      return undefined;
    },
  };
}

function otherChunkings({ request, reply }: FuzzExchange): FuzzExchange[] {
  const recut = (cut: (bytes: Uint8Array) => Uint8Array[]): FuzzExchange => ({
    request: { ...request, ...(request.body && { body: cut(Buffer.concat(request.body)) }) },
    reply: { ...reply, ...(reply.body && { body: cut(Buffer.concat(reply.body)) }) },
  });
  if (request.body === undefined && reply.body === undefined) return [];
  const single = recut((bytes) => [bytes]);
  const halves = recut((bytes) => cutAt(bytes, [bytes.length >> 1]));
  const bytewise = recut((bytes) =>
    cutAt(
      bytes,
      Array.from({ length: Math.min(bytes.length, 32) }, (_, i) => i + 1),
    ),
  );
  return [single, halves, bytewise];
}

/** [RFC 9110 5.3] The order of fields with different names means nothing; that of the same name is kept. */
function otherOrders({ request, reply }: FuzzExchange): FuzzExchange[] {
  const names = [...new Set(request.headers.map(([name]) => name))].toReversed();
  if (names.length < 2) return [];
  const headers = names.flatMap((name) => request.headers.filter(([one]) => one === name));
  return [{ request: { ...request, headers }, reply }];
}

const isolated: FuzzProperty = {
  name: "isolated",
  summary: "the outcome of a request does not depend on those before it",
  byDefault: true,
  compares: true,
  check(given, played, again) {
    if (given.exchanges.length < 2 || !isComparable(given) || played.failure !== undefined) return undefined;
    const last = given.exchanges.length - 1;
    const alone = again({ ...given, exchanges: [given.exchanges[last]!] });
    const [after, first] = [played.outcomes[last], alone.outcomes[0]];
    let found = difference(after, first, true);
    if (
      found === undefined &&
      after?.upstream &&
      first?.upstream &&
      headersOf(after.upstream) !== headersOf(first.upstream)
    ) {
      found = "the upstream gets other headers";
    }
    return found === undefined ? undefined : { cause: "differs", message: `after others and alone: ${found}` };
  },
};

/** Without what the proxy makes anew for each request. */
const headersOf = ({ headers }: LeftMessage): string =>
  JSON.stringify(headers.filter(([name]) => name !== "x-request-id"));

/** Bytes of log that one exchange may write. */
const mostLog = 1_000_000;
/** How many times more rounds tell a leak from a garbage collector that has not run yet. */
const confirmation = 16;

const memoryBounded: FuzzProperty = {
  name: "memory-bounded",
  summary: "memory does not grow with every exchange",
  byDefault: true,
  check(given, { growth }, again) {
    if (!growsOn(growth)) return undefined;
    const repeat = given.repeat * confirmation;
    const longer = again({ ...given, repeat }).growth;
    if (!growsOn(longer)) return undefined;
    const bytes = longer.reduce((sum, one) => sum + one, 0);
    return {
      cause: "grows",
      message: `memory grew by ${bytes} bytes in the last ${repeat - (repeat >> 2)} of ${repeat} rounds`,
    };
  },
};

const growsOn = (growth: readonly number[]): boolean => growth.length > 0 && growth.every((one) => one > 0);

/** The same, with headers and their order. */
function anyDifference(a: Outcome, b: Outcome | undefined): string | undefined {
  const found = difference(a, b, true);
  if (found !== undefined || b === undefined) return found;
  if (JSON.stringify(a.response.headers) !== JSON.stringify(b.response.headers)) return "the client gets other headers";
  return a.upstream && b.upstream && headersOf(a.upstream) !== headersOf(b.upstream)
    ? "the upstream gets other headers"
    : undefined;
}

/** All that are known by name. */
export const properties: readonly FuzzProperty[] = [
  never("no-trap", "the plugin never traps", "GUEST_TRAPPED"),
  never("no-hang", "no exchange uses up its budget of time", "GUEST_TIMEOUT"),
  never("no-crash", "the plugin never does what ends a real Envoy", "WOULD_CRASH_ENVOY"),
  each("always-answers", "no exchange pauses for ever", true, ({ over }, { request }) =>
    over || request.incomplete === true ? undefined : "nothing is due any more, and the exchange is not over",
  ),
  each("content-length-consistent", "content-length says how long a body is", true, (outcome, exchange) => {
    if (outcome.upstream && exchange.request.abortAfterMs === undefined && wrongLength(outcome.upstream)) {
      return [
        "request",
        `the upstream gets ${outcome.upstream.body.length} bytes under content-length ${of(outcome.upstream.headers, "content-length").join()}`,
      ];
    }
    const { response } = outcome;
    if (bodyless(exchange, outcome) || !wrongLength(response)) return undefined;
    // an upstream that sends such a thing by itself is not the plugin's fault
    if (exchange.reply.headers.some(([name]) => name === "content-length")) return undefined;
    return [
      "response",
      `the client gets ${response.body.length} bytes under content-length ${of(response.headers, "content-length").join()}`,
    ];
  }),
  each(
    "valid-http-out",
    "what leaves is valid HTTP: no line breaks, each pseudo header once",
    true,
    ({ upstream, response, status }) => {
      const request = upstream && invalid(upstream, [":method", ":path", ":authority"]);
      return request ?? (status === 0 ? undefined : invalid(response, [":status"]));
    },
  ),
  invariant("same-verdict-any-chunking", "the outcome does not depend on how bodies are cut", true, otherChunkings),
  invariant(
    "same-verdict-any-header-order",
    "the verdict does not depend on the order of different headers",
    false,
    otherOrders,
  ),
  isolated,
  memoryBounded,
  each("log-bounded", "an exchange logs less than a megabyte", true, ({ logBytes }) =>
    logBytes > mostLog ? ["much", `one exchange logged ${logBytes} bytes`] : undefined,
  ),
  each("no-error-log", "nothing is logged at level error or above", false, ({ errorLogs }) =>
    errorLogs.length === 0
      ? undefined
      : [errorLogs[0]!.replace(/\d+/g, "N"), `the plugin logs an error: ${errorLogs[0]}`],
  ),
  {
    name: "deterministic",
    compares: true,
    summary: "the same case in the same state has the same outcome",
    check(given, played, again) {
      const { outcomes } = again(given);
      for (const [i, outcome] of played.outcomes.entries()) {
        const found = anyDifference(outcome, outcomes[i]);
        if (found !== undefined) return { cause: "differs", message: `played twice: ${found}` };
      }
      return undefined;
    },
  },
  {
    name: "fail-closed",
    summary: "a call that fails, or with --faults a hostcall that reads, never lets the request through",
    check({ exchanges }, { outcomes, failedBefore }) {
      for (const { calls, upstream } of outcomes) {
        const failed = ({ outcome, status }: (typeof calls)[number]): boolean =>
          outcome === "failed" || status === undefined || status >= 500;
        if (calls.length > 0 && upstream !== undefined && calls.every(failed)) {
          const message = "every call of the plugin failed, and the request reached the upstream";
          return { cause: message, message };
        }
      }
      const read = failedBefore.find((name) => /^proxy_(get_|http_call|grpc_)/.test(name));
      if (exchanges.length !== 1 || read === undefined || outcomes[0]?.upstream === undefined) return undefined;
      return { cause: read, message: `${read} failed, and the request reached the upstream` };
    },
  },
];

/**
 * Properties by name; none given: those that hold for any sane filter.
 *
 * @param more Further ones to be found by name.
 *
 * @throws {HarnessError} OPTION_INVALID for a name that is none.
 */
export function propertiesNamed(
  names: readonly string[] = [],
  more: readonly FuzzProperty[] = [],
): readonly FuzzProperty[] {
  const all = [...properties, ...more];
  if (names.length === 0) return all.filter(({ byDefault }) => byDefault === true);
  return names.map((name) => {
    const found = all.find((one) => one.name === name);
    if (found !== undefined) return found;
    const known = [...all.map((one) => one.name), "configuration-robust", "legal-callbacks", "illegal-callbacks"];
    throw new HarnessError(
      "OPTION_INVALID",
      `Unknown property "${name}"${didYouMean(name, known)}: properties are ${known.join(", ")}`,
    );
  });
}
