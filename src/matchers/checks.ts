import { Action, logLevelNames } from "../abi/enums.js";
import type { LogLevel, LogLevelName } from "../abi/enums.js";
import { didYouMean } from "../abi/nearest.js";
import { HarnessError, messageOf } from "../errors.js";
import { failureError } from "../host/life-cycle.js";
import type { HeaderMap } from "../proxy/header-map.js";
import { bodyPreview, count, printable } from "../report/text.js";
import {
  callsOf,
  headersOf,
  isDriver,
  isExchange,
  isPlugin,
  isProxy,
  logsOf,
  metricsOf,
  wrongSubject,
} from "./subjects.js";
import type { BodyWanted, HeadersWanted, HeaderWanted, ReplyWanted, RequestWanted } from "./values.js";
import { bodyFits, found, headerFits, shown, wantedPairs } from "./values.js";
import type { Verdict } from "./verdict.js";
import { headerDiff, verdict } from "./verdict.js";

// Each check takes the thing it is made on and what is wanted. What cannot be checked throws (OPTION_INVALID): it is not a "no".

/** Is the header there, with these values in order; without a value: is it there at all? */
export function toHaveHeader(received: unknown, name: string, ...value: readonly [HeaderWanted?]): Verdict {
  const map = headersOf(received);
  const [wanted] = value;
  const pass = wanted === undefined ? map.getAll(name).length > 0 : headerFits(map, name, wanted);
  const words = wanted === undefined ? `to have header ${name}` : `to have header ${name}: ${shown(wanted)}`;
  return verdict(pass, received, words, () =>
    headerDiff(pass ? map.pairs() : wantedPairs(map, { [name]: wanted ?? /(?:)/ }), map.pairs()),
  );
}

/** Are all these headers there? Others may be, too; `undefined` means that there is none of that name. */
export function toHaveHeaders(received: unknown, wanted: HeadersWanted): Verdict {
  const map = headersOf(received);
  const pass = headersFit(map, wanted);
  return verdict(pass, received, `to have headers ${Object.keys(wanted).join(", ")}`, () =>
    headerDiff(wantedPairs(map, wanted), map.pairs()),
  );
}

const headersFit = (map: HeaderMap, wanted: HeadersWanted): boolean =>
  Object.entries(wanted).every(([name, one]) => headerFits(map, name, one));

/** Did the plugin let the last part go on? Of a stream, or of what one of its methods returned. */
export const toContinue = (received: unknown): Verdict => acted(received, Action.Continue, "to continue");

/** Did the plugin pause on the last part? */
export const toPause = (received: unknown): Verdict => acted(received, Action.Pause, "to pause");

function acted(received: unknown, wanted: Action, words: string): Verdict {
  const isAction = received === undefined || received === Action.Continue || received === Action.Pause;
  if (!isAction && !isDriver(received)) {
    throw wrongSubject("check an action", received, "a stream, or what its methods return, is wanted");
  }
  const action = isAction ? received : (received as { lastAction: Action | undefined }).lastAction;
  return verdict(action === wanted, isAction ? "the plugin" : received, words, () => [
    action === undefined
      ? "It was not shown the part: it holds what came before, or has answered"
      : `It answered ${action === Action.Continue ? "Continue" : "Pause"}`,
  ]);
}

/** Did the plugin, or the proxy for it, answer in place of the upstream? */
export function toReplyWith(received: unknown, wanted: ReplyWanted): Verdict {
  const [message, details, status] = isExchange(received)
    ? [received.response, received.access?.details, received.response.status]
    : isDriver(received)
      ? [received.client, received.responseCodeDetails, received.client.status ?? 0]
      : replyOfNothing(received);
  const came = message.headers !== undefined && status > 0;
  const own = came && details !== "via_upstream";
  const map = message.headers;
  const pass =
    own &&
    (wanted.status === undefined || wanted.status === status) &&
    (wanted.headers === undefined || headersFit(map!, wanted.headers)) &&
    (wanted.body === undefined || bodyFits(message.body, wanted.body));
  return verdict(pass, received, `to reply with ${shown(wanted)}`, () => {
    if (!came) return ["The client got no response"];
    const origin = own ? `Replied, with details ${details ?? "none"}` : "The response is the upstream's";
    const pairs = { ...(wanted.status !== undefined && { ":status": String(wanted.status) }), ...wanted.headers };
    return [origin, ...headerDiff(wantedPairs(map!, pairs), map!.pairs()), ...bodyLines(message.body, wanted.body)];
  });
}

function replyOfNothing(received: unknown): never {
  throw wrongSubject("check the reply", received, "a stream or an exchange is wanted");
}

/** Did the request go on to the upstream, and as it should? */
export function toReachUpstream(received: unknown, wanted: RequestWanted = {}): Verdict {
  if (!isExchange(received) && !isDriver(received)) {
    throw wrongSubject("check the upstream request", received, "a stream or an exchange is wanted");
  }
  const request = isExchange(received) ? received.upstreamRequest : received.upstream;
  const map = request?.headers;
  const pass = map !== undefined && requestFits(map, request!.body, wanted);
  const words =
    Object.keys(wanted).length === 0 ? "to reach the upstream" : `to reach the upstream as ${shown(wanted)}`;
  return verdict(pass, received, words, () => {
    if (map !== undefined) return requestLines(map, request!.body, wanted);
    const { status } = isExchange(received) ? received.response : received.client;
    return [`No request reached it${status ? `: the client got ${status}` : ""}`];
  });
}

const pseudo = { method: ":method", path: ":path", authority: ":authority" } as const;

const requestHeaders = (wanted: RequestWanted): HeadersWanted => ({
  ...Object.fromEntries(
    Object.entries(pseudo).flatMap(([key, name]) => {
      const one = wanted[key as keyof typeof pseudo];
      return one === undefined ? [] : [[name, one]];
    }),
  ),
  ...wanted.headers,
});

const requestFits = (map: HeaderMap, body: Uint8Array, wanted: RequestWanted): boolean =>
  headersFit(map, requestHeaders(wanted)) && (wanted.body === undefined || bodyFits(body, wanted.body));

const requestLines = (map: HeaderMap, body: Uint8Array, wanted: RequestWanted): string[] => [
  ...headerDiff(wantedPairs(map, requestHeaders(wanted)), map.pairs()),
  ...bodyLines(body, wanted.body),
];

function bodyLines(body: Uint8Array, wanted: BodyWanted | undefined): string[] {
  if (wanted === undefined || bodyFits(body, wanted)) return [];
  return [`  - body ${shown(wanted)}`, `  + body ${body.length === 0 ? "(none)" : bodyPreview(body)}`];
}

/** Was a line of this level logged that contains the text, or matches? Without a pattern: any line of the level. */
export function toHaveLogged(
  received: unknown,
  level: LogLevelName | LogLevel | "any",
  pattern?: string | RegExp,
): Verdict {
  const name = typeof level === "number" ? logLevelNames[level] : level;
  if (name === undefined || (name !== "any" && !logLevelNames.includes(name))) {
    const near = didYouMean(String(level), ["any", ...logLevelNames]);
    throw new HarnessError("OPTION_INVALID", `Cannot check for log level "${String(level)}"${near}`);
  }
  const fitting = (text: string): boolean =>
    pattern === undefined || (typeof pattern === "string" ? text.includes(pattern) : found(text, pattern));
  const logs = logsOf(received);
  const pass = logs.some((line) => (name === "any" || line.levelName === name) && fitting(line.message));
  const words = `to have logged ${pattern === undefined ? "a line" : shown(pattern)}${name === "any" ? "" : ` at ${name}`}`;
  return verdict(pass, received, words, () => {
    const other = logs.find((line) => fitting(line.message));
    if (pass || pattern === undefined || other === undefined) return [`It logged ${count(logs.length, "line")}`];
    return [`It was logged at ${other.levelName}`];
  });
}

/** Was this upstream called by a plugin, and as it should? */
export function toHaveCalled(received: unknown, upstream: string, wanted: RequestWanted = {}): Verdict {
  const calls = callsOf(received);
  const parts = calls.map((call) => {
    if ("headers" in call) return { upstream: call.upstream, map: call.headers, body: call.body };
    return {
      upstream: call.upstream,
      map: call.metadata,
      body: call.kind === "grpc" ? call.message : new Uint8Array(),
    };
  });
  const to = parts.filter((call) => call.upstream === upstream);
  const pass = to.some(({ map, body }) => requestFits(map, body, wanted));
  const words = Object.keys(wanted).length === 0 ? "" : ` with ${shown(wanted)}`;
  return verdict(pass, received, `to have called upstream ${JSON.stringify(upstream)}${words}`, () => {
    if (to.length > 0)
      return to.flatMap(({ map, body }, i) => [`Call ${i + 1}:`].concat(requestLines(map, body, wanted)));
    const names = [...new Set(parts.map((call) => call.upstream))];
    return [
      names.length === 0
        ? "It called nothing"
        : `It called ${names.map(printable).join(", ")}${didYouMean(upstream, names)}`,
    ];
  });
}

/** Is there this metric; has it this value; of a histogram: was this recorded, in order? */
export function toHaveMetric(
  received: unknown,
  name: string,
  value?: number | bigint | readonly (number | bigint)[],
): Verdict {
  const metrics = metricsOf(received);
  const same = metrics.filter((metric) => metric.name === name);
  const pass = same.some((metric) => {
    if (value === undefined) return true;
    if (typeof value === "number" || typeof value === "bigint") return metric.value === BigInt(value);
    return metric.samples.length === value.length && metric.samples.every((one, i) => one === BigInt(value[i]!));
  });
  const shownValue =
    value === undefined ? "" : typeof value === "object" ? ` with ${value.join(", ")}` : ` of ${value}`;
  return verdict(pass, received, `to have metric ${name}${shownValue}`, () => {
    if (same.length > 0) {
      return same.map(({ value: one, samples }) => `It has ${samples.length > 0 ? samples.join(", ") : String(one)}`);
    }
    const names = metrics.map((metric) => metric.name);
    return [`Its metrics are ${names.map(printable).join(", ") || "none"}${didYouMean(name, names)}`];
  });
}

/**
 * Did the guest trap? Of a function that meets the trap, the promise of an exchange, a plugin or a proxy. Of a promise, and of a
 * function that returns one, the verdict is a promise.
 */
export function toTrap(received: unknown, pattern?: string | RegExp): Verdict | Promise<Verdict> {
  const words = `to trap${pattern === undefined ? "" : ` with ${shown(pattern)}`}`;
  const judge = (thrown: unknown): Verdict => {
    const trapped = thrown instanceof Error && (thrown as Partial<HarnessError>).code === "GUEST_TRAPPED";
    const text = messageOf(thrown);
    const all = [text, ...(trapped ? ((thrown as Partial<HarnessError>).details ?? []) : [])].join("\n");
    const pass =
      trapped && (pattern === undefined || (typeof pattern === "string" ? all.includes(pattern) : found(all, pattern)));
    return verdict(pass, subjectOfTrap(received), words, () => [thrown === undefined ? "Nothing trapped" : all]);
  };
  if (isPlugin(received)) return judge(received.failure);
  if (isProxy(received)) {
    const failed = received.engine.workers.flatMap(({ vms }) => vms).find((vm) => vm.failed);
    return judge(failed && failureError(failed));
  }
  let outcome: unknown = received;
  if (typeof received === "function") {
    try {
      outcome = (received as () => unknown)();
    } catch (thrown) {
      return judge(thrown);
    }
    if (!isPromise(outcome)) return judge(undefined);
  }
  if (!isPromise(outcome)) {
    throw wrongSubject(
      "check for a trap",
      received,
      "a function, the promise of an exchange, a plugin or a proxy is wanted",
    );
  }
  return Promise.resolve(outcome).then(
    () => judge(undefined),
    (thrown: unknown) => judge(thrown),
  );
}

const subjectOfTrap = (received: unknown): unknown => (isPromise(received) ? "the exchange" : received);

const isPromise = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";
