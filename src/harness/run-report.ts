import type { ByteString } from "../abi/bytes.js";
import type { Pair } from "../abi/pairs.js";
import { HarnessError } from "../errors.js";
import type { Diagnostic } from "../host/diagnostics.js";
import type { LogRecord } from "../host/log-book.js";
import type { Metric } from "../host/services/metrics.js";
import type { TraceEvent } from "../host/trace.js";
import type { CallState, PluginCall } from "./calls.js";
import type { Plugin } from "./plugin.js";

/** What a stream callback answered; failed: the guest trapped or was stopped in it. */
export interface ActionReport {
  readonly callback: string;
  readonly action: "continue" | "pause" | "failed";
}

export interface MessageReport {
  readonly headers: readonly Pair[];
  /** Of a message that left: its headers as the plugin left them, before Envoy's own came to them. */
  readonly fromPlugin?: readonly Pair[];
  readonly body: Uint8Array;
  readonly trailers: readonly Pair[];
  /** False: the plugin held a part back, or the message was cut off. */
  readonly complete: boolean;
}

/** A call that the plugin made. Nobody answers calls here: one that is pending waited until the plugin was closed. */
export interface CallReport {
  readonly kind: PluginCall["kind"];
  readonly upstream: ByteString;
  readonly state: CallState;
  /** Of gRPC, the metadata. */
  readonly headers: readonly Pair[];
  /** Of a unary gRPC call, its message; of a stream, nothing: see `sent`. */
  readonly body: Uint8Array;
  /** 0: none. */
  readonly timeoutMs: number;
  /** gRPC. */
  readonly service?: ByteString;
  readonly method?: ByteString;
  /** Messages sent on a gRPC stream. */
  readonly sent?: readonly Uint8Array[];
}

/** How the exchange ended. */
export type Outcome = "forwarded" | "local response" | "paused" | "reset" | "failed";

/** What `run` saw. */
export interface RunReport {
  readonly plugin: Plugin;
  /** The release that Envoy's part is as; `recorded`: was a real one compared? */
  readonly envoy: { readonly release: string; readonly recorded: boolean };
  readonly outcome: Outcome;
  /** As it came to the plugin. */
  readonly request: MessageReport;
  /** As the upstream got it; undefined when nothing got there. */
  readonly upstream: MessageReport | undefined;
  /** As the upstream's answer came to the plugin; undefined when there was none. */
  readonly response: MessageReport | undefined;
  /** As the client got it; undefined when it got nothing. */
  readonly client: MessageReport | undefined;
  /** Whose answer the client got; undefined when it got none. */
  readonly answeredBy: "upstream" | "plugin" | "Envoy" | undefined;
  readonly responseCodeDetails: string | undefined;
  readonly actions: readonly ActionReport[];
  /** All lines since the module was loaded; with `repeat`, those of the last exchange and what frames it. */
  readonly logs: readonly LogRecord[];
  /** Lines that are not in `logs`, since there were more than `limits.logRecords` or `limits.logBytes`. */
  readonly logsDropped: number;
  readonly calls: readonly CallReport[];
  readonly metrics: readonly Metric[];
  readonly diagnostics: readonly Diagnostic[];
  readonly failure: HarnessError | undefined;
  /** A trap while the plugin was ended, after the exchange: Envoy prints it at shutdown, and no request is hurt. */
  readonly endFailure: HarnessError | undefined;
  readonly trace: readonly TraceEvent[];
  readonly timing: Timing;
}

export interface Timing {
  /** Reading, compiling and starting, in milliseconds. */
  readonly startMs: number;
  /** Each exchange, in microseconds: with the first come tier-up and caches. */
  readonly exchangesUs: readonly number[];
}
