import type { ByteString } from "../abi/bytes.js";
import { noBytes, utf8 } from "../abi/bytes.js";
import { Status } from "../abi/enums.js";
import type { Pair } from "../abi/pairs.js";
import { HarnessError } from "../errors.js";
import type { Callout, Callouts, GrpcCall, GrpcEvents, HttpCall, HttpCallAnswer, Refusal } from "../host/callouts.js";
import type { Clock } from "../host/services/clock.js";
import { millisecondsToNs } from "../host/services/clock.js";
import { HeaderMap } from "../proxy/header-map.js";
import type { HeadersInput } from "./headers.js";
import { headers } from "./headers.js";

/** What an upstream answers to a call. */
export interface CallReply {
  /** Default 200. */
  readonly status?: number;
  readonly headers?: HeadersInput;
  readonly body?: string | Uint8Array;
  readonly trailers?: HeadersInput;
}

/** A call that a plugin made with `proxy_http_call`, and what became of it. */
export interface PluginCall {
  readonly upstream: ByteString;
  /** As the plugin gave them, names in lower case. */
  readonly headers: HeaderMap;
  readonly body: Uint8Array;
  readonly trailers: HeaderMap;
  readonly timeoutMs: number;
  readonly state: "pending" | "answered" | "failed" | "timed out" | "cancelled";
  /** Answers it: `proxy_on_http_call_response` runs before this returns. */
  respond(reply?: CallReply): void;
  /** Lets it fail as a reset connection does: all counts 0, `proxy_get_status` 11. */
  fail(): void;
}

/**
 * Calls that wait for the test to answer them.
 *
 * Every upstream exists unless `known` names those that do. A call that is not answered in its time gets Envoy's 504.
 */
export class ManualCallouts implements Callouts {
  readonly calls: PluginCall[] = [];
  readonly #clock: Clock;
  readonly #known: ReadonlySet<string> | undefined;

  constructor(clock: Clock, known?: readonly string[]) {
    this.#clock = clock;
    this.#known = known && new Set(known);
  }

  httpCall(call: HttpCall, answer: (answer: HttpCallAnswer | "reset") => void): Callout | Refusal {
    if (call.timeoutMs < 0) return { status: Status.BadArgument };
    if (this.#known !== undefined && !this.#known.has(call.upstream)) return { status: Status.BadArgument };
    const map = new HeaderMap("request");
    map.assign(call.headers);
    if ([":method", ":path", ":authority"].some((name) => !map.has(name))) return { status: Status.BadArgument };
    if (call.body.length > 0) map.replace("content-length", String(call.body.length));
    const made = new ManualCall(call, map, answer);
    if (call.timeoutMs > 0) {
      const timer = this.#clock.schedule(millisecondsToNs(call.timeoutMs), () => made.timeOut());
      made.onEnd = () => timer.cancel();
    }
    this.calls.push(made);
    return { cancel: () => made.cancel() };
  }

  grpcCall(call: GrpcCall, kind: "unary" | "stream", _events: GrpcEvents): Callout | Refusal {
    throw new HarnessError(
      "ILLEGAL_CALL",
      `Cannot start a gRPC ${kind} call to "${call.upstream}" (${call.service}/${call.method}): no gRPC upstream is defined`,
    );
  }
}

class ManualCall implements PluginCall {
  readonly upstream: ByteString;
  readonly headers: HeaderMap;
  readonly body: Uint8Array;
  readonly trailers: HeaderMap;
  readonly timeoutMs: number;
  state: PluginCall["state"] = "pending";
  onEnd: () => void = () => {};
  readonly #answer: (answer: HttpCallAnswer | "reset") => void;

  constructor(call: HttpCall, map: HeaderMap, answer: (answer: HttpCallAnswer | "reset") => void) {
    this.upstream = call.upstream;
    this.headers = map;
    this.body = call.body;
    this.trailers = new HeaderMap("requestTrailers", call.trailers);
    this.timeoutMs = call.timeoutMs;
    this.#answer = answer;
  }

  respond(reply: CallReply = {}): void {
    this.#end("answered", "respond to");
    const map = new HeaderMap("response");
    map.add(":status", String(reply.status ?? 200));
    for (const [name, value] of headers(reply.headers ?? [], "response")) map.add(name, value);
    const body = typeof reply.body === "string" ? utf8(reply.body) : (reply.body ?? noBytes);
    const trailers = reply.trailers && headers(reply.trailers, "responseTrailers");
    this.#answer({ headers: map, body, ...(trailers && { trailers }) });
  }

  fail(): void {
    this.#end("failed", "fail");
    this.#answer("reset");
  }

  timeOut(): void {
    this.#end("timed out", "time out");
    const body = utf8("upstream request timeout");
    const pairs: Pair[] = [
      [":status", "504"],
      ["content-length", String(body.length)],
      ["content-type", "text/plain"],
    ];
    this.#answer({ headers: new HeaderMap("response", pairs), body });
  }

  cancel(): void {
    if (this.state === "pending") this.#end("cancelled", "cancel");
  }

  #end(state: PluginCall["state"], what: string): void {
    if (this.state !== "pending") {
      throw new HarnessError(
        "ILLEGAL_CALL",
        `Cannot ${what} the call to "${this.upstream}": it is ${this.state} already`,
      );
    }
    this.state = state;
    this.onEnd();
  }
}
