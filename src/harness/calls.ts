import type { ByteString } from "../abi/bytes.js";
import { noBytes, utf8 } from "../abi/bytes.js";
import { Status } from "../abi/enums.js";
import type { Pair } from "../abi/pairs.js";
import { HarnessError } from "../errors.js";
import type { Callout, Callouts, GrpcCall, GrpcEvents, HttpCall, HttpCallAnswer, Refusal } from "../host/callouts.js";
import type { Clock } from "../host/services/clock.js";
import { millisecondsToNs } from "../host/services/clock.js";
import type { DiagnosticCode } from "../host/diagnostics.js";
import { grpcTarget } from "../proxy/envoy/grpc-target.js";
import { HeaderMap } from "../proxy/header-map.js";
import type { PluginGrpcCall, PluginGrpcStream } from "./grpc-calls.js";
import { ManualGrpcCall, ManualGrpcStream } from "./grpc-calls.js";
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

/** pending: it waits for an answer. cancelled: the plugin cancelled it, or was closed while it waited. */
export type CallState = "pending" | "answered" | "failed" | "timed out" | "cancelled";

/** A call that a plugin made to an upstream; `kind` tells which: `proxy_http_call`, `proxy_grpc_call`, `proxy_grpc_stream`. */
export type PluginCall = PluginHttpCall | PluginGrpcCall | PluginGrpcStream;

/** A call that a plugin made with `proxy_http_call`, and what became of it. */
export interface PluginHttpCall {
  readonly kind: "http";
  readonly upstream: ByteString;
  /** As the plugin gave them, names in lower case. */
  readonly headers: HeaderMap;
  readonly body: Uint8Array;
  readonly trailers: HeaderMap;
  readonly timeoutMs: number;
  readonly state: CallState;
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
  onDiagnostic: (code: DiagnosticCode, message: string) => void = () => {};

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

  /** Of a gRPC service that names no upstream Envoy would also make `proxy_on_grpc_close`; here the status alone tells. */
  grpcCall(call: GrpcCall, kind: "unary" | "stream", events: GrpcEvents): Callout | Refusal {
    const target = grpcTarget(call.upstream);
    if (target.kind === "crash") {
      this.onDiagnostic(
        "WOULD_CRASH_ENVOY",
        `proxy_grpc_${kind === "unary" ? "call" : "stream"} to "${call.upstream}": the name reads as a protobuf message without a service, and a real Envoy aborts; nothing was sent`,
      );
      return { status: Status.InternalFailure };
    }
    const { upstream } = target;
    if (this.#known !== undefined && !this.#known.has(upstream)) {
      return target.kind === "name"
        ? { status: Status.ParseFailure }
        : { status: Status.InternalFailure, usesToken: true };
    }
    if (kind === "stream") {
      const made = new ManualGrpcStream(call, upstream, events);
      this.calls.push(made);
      return {
        cancel: () => made.cancel(),
        send: (message, endOfStream) => made.take(message, endOfStream),
        closeLocal: () => void (made.ended = true),
      };
    }
    const made = new ManualGrpcCall(call, upstream, events);
    if (made.timeoutMs > 0) {
      const timer = this.#clock.schedule(millisecondsToNs(made.timeoutMs), () => made.timeOut());
      made.onEnd = () => timer.cancel();
    }
    this.calls.push(made);
    return { cancel: () => made.cancel() };
  }
}

class ManualCall implements PluginHttpCall {
  readonly kind = "http";
  readonly upstream: ByteString;
  readonly headers: HeaderMap;
  readonly body: Uint8Array;
  readonly trailers: HeaderMap;
  readonly timeoutMs: number;
  state: CallState = "pending";
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

  #end(state: CallState, what: string): void {
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
