import type { ByteString } from "../abi/bytes.js";
import { noBytes, utf8, utf8ByteString } from "../abi/bytes.js";
import type { Pair } from "../abi/pairs.js";
import { HarnessError } from "../errors.js";
import type { GrpcCall, GrpcEvents } from "../host/callouts.js";
import { HeaderMap } from "../proxy/header-map.js";
import type { CallState } from "./calls.js";
import type { HeadersInput } from "./headers.js";
import { headers } from "./headers.js";

/** How a gRPC call ends. */
export interface GrpcEnd {
  /** 0 to 16. Default 0, OK. */
  readonly status?: number;
  /** `grpc-message` as it stands on the wire. Envoy hands it over undecoded, with its details in braces. Default "". */
  readonly statusMessage?: string;
}

/** What an upstream answers to a unary call. */
export interface GrpcReply extends GrpcEnd {
  /** Without gRPC framing. Default empty; not delivered when `status` is not 0. */
  readonly message?: string | Uint8Array;
}

/** A whole answer to a stream. */
export interface GrpcStreamReply extends GrpcEnd {
  /** Default `:status: 200`, `content-type: application/grpc`. */
  readonly initialMetadata?: HeadersInput;
  readonly messages?: readonly (string | Uint8Array)[];
  /** Default `grpc-status`, and `grpc-message` when there is one. */
  readonly trailingMetadata?: HeadersInput;
}

interface Common {
  readonly upstream: ByteString;
  readonly service: ByteString;
  readonly method: ByteString;
  /** As the plugin gave it, names in lower case. */
  readonly metadata: HeaderMap;
  readonly state: CallState;
}

/** A call made with `proxy_grpc_call`, and what became of it. */
export interface PluginGrpcCall extends Common {
  readonly kind: "grpc";
  readonly message: Uint8Array;
  /** 0: none. */
  readonly timeoutMs: number;
  /** Answers it: `proxy_on_grpc_receive`, or `proxy_on_grpc_close` for a status other than 0, runs before this returns. */
  respond(reply?: GrpcReply): void;
  /** Lets it fail as a connection that is reset before headers: status 14. */
  fail(): void;
}

/** A stream made with `proxy_grpc_stream`. Each method makes its callback before it returns. */
export interface PluginGrpcStream extends Common {
  readonly kind: "grpc-stream";
  /** What the plugin has sent, oldest first. */
  readonly sent: readonly Uint8Array[];
  /** The plugin has ended its side. */
  readonly ended: boolean;
  initialMetadata(metadata: HeadersInput): void;
  message(message: string | Uint8Array): void;
  trailingMetadata(metadata: HeadersInput): void;
  /** Ends it: `proxy_on_grpc_close`. After it nothing may come. */
  close(end?: GrpcEnd): void;
  /** A whole answer: metadata, messages, metadata, close. */
  respond(reply?: GrpcStreamReply): void;
  /** Lets it fail as a connection that is reset before headers: empty metadata twice, then status 14. */
  fail(): void;
}

abstract class ManualGrpc {
  readonly upstream: ByteString;
  readonly service: ByteString;
  readonly method: ByteString;
  readonly metadata: HeaderMap;
  state: CallState = "pending";
  onEnd: () => void = () => {};
  protected readonly events: GrpcEvents;

  constructor(call: GrpcCall, upstream: ByteString, events: GrpcEvents) {
    this.upstream = upstream;
    this.service = call.service;
    this.method = call.method;
    this.metadata = new HeaderMap("metadata");
    this.metadata.assign(call.metadata);
    this.events = events;
  }

  cancel(): void {
    if (this.state === "pending") this.finish("cancelled", "cancel");
  }

  protected finish(state: CallState, what: string): void {
    this.check(what);
    this.state = state;
    this.onEnd();
  }

  protected check(what: string): void {
    if (this.state === "pending") return;
    throw new HarnessError(
      "ILLEGAL_CALL",
      `Cannot ${what} the gRPC call to "${this.upstream}" (${this.service}/${this.method}): it is ${this.state} already`,
    );
  }
}

export class ManualGrpcCall extends ManualGrpc implements PluginGrpcCall {
  readonly kind = "grpc";
  readonly message: Uint8Array;
  readonly timeoutMs: number;

  constructor(call: GrpcCall, upstream: ByteString, events: GrpcEvents) {
    super(call, upstream, events);
    this.message = call.message ?? noBytes;
    this.timeoutMs = (call.timeoutMs ?? 0) >>> 0;
  }

  respond(reply: GrpcReply = {}): void {
    const status = statusOf(reply);
    this.finish("answered", "respond to");
    if (status === 0) this.events.succeed(bytesOf(reply.message));
    else this.events.close(status, closeText(reply));
  }

  fail(): void {
    this.finish("failed", "fail");
    this.events.close(unavailable, resetText);
  }

  timeOut(): void {
    this.finish("timed out", "time out");
    this.events.close(unavailable, "upstream request timeout{response_timeout}");
  }
}

export class ManualGrpcStream extends ManualGrpc implements PluginGrpcStream {
  readonly kind = "grpc-stream";
  readonly sent: Uint8Array[] = [];
  ended = false;

  /** What is sent after our own end goes nowhere, as in Envoy. */
  take(message: Uint8Array, endOfStream: boolean): void {
    if (this.ended || this.state !== "pending") return;
    this.sent.push(message);
    this.ended = endOfStream;
  }

  initialMetadata(metadata: HeadersInput): void {
    this.check("send initial metadata to");
    this.events.initialMetadata(metadataOf(metadata));
  }

  message(message: string | Uint8Array): void {
    this.check("send a message to");
    this.events.message(bytesOf(message));
  }

  trailingMetadata(metadata: HeadersInput): void {
    this.check("send trailing metadata to");
    this.events.trailingMetadata(metadataOf(metadata));
  }

  close(end: GrpcEnd = {}): void {
    const status = statusOf(end);
    this.finish("answered", "close");
    this.events.close(status, closeText(end));
  }

  respond(reply: GrpcStreamReply = {}): void {
    const status = statusOf(reply);
    this.check("respond to");
    const { statusMessage } = reply;
    const trailing: Pair[] = [["grpc-status", String(status)]];
    if (statusMessage !== undefined) trailing.push(["grpc-message", utf8ByteString(statusMessage)]);
    this.initialMetadata(reply.initialMetadata ?? { ":status": "200", "content-type": "application/grpc" });
    // the plugin may cancel the stream in any of these callbacks
    for (const message of reply.messages ?? []) if (this.state === "pending") this.message(message);
    if (this.state === "pending") this.trailingMetadata(reply.trailingMetadata ?? trailing);
    if (this.state === "pending") this.close(reply);
  }

  fail(): void {
    this.finish("failed", "fail");
    this.events.initialMetadata(new HeaderMap("metadata"));
    this.events.trailingMetadata(new HeaderMap("metadata"));
    this.events.close(unavailable, resetText);
  }
}

const unavailable = 14;

/** [E] recorded: a reset before headers. */
const resetText =
  "upstream connect error or disconnect/reset before headers. reset reason: remote reset{upstream_reset_before_response_started{remote_reset}}";

/** [E] recorded: the message with the details in braces, or the details alone. */
function closeText({ statusMessage }: GrpcEnd): ByteString {
  return statusMessage ? `${utf8ByteString(statusMessage)}{via_upstream}` : "via_upstream";
}

function statusOf({ status = 0 }: GrpcEnd): number {
  if (Number.isInteger(status) && status >= 0 && status <= 16) return status;
  throw new HarnessError("OPTION_INVALID", `Cannot answer with gRPC status ${status}: they are 0 (OK) to 16`);
}

const metadataOf = (input: HeadersInput): HeaderMap => headers(input, "metadata");

function bytesOf(message: string | Uint8Array = noBytes): Uint8Array {
  return typeof message === "string" ? utf8(message) : message;
}
