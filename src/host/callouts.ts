import type { ByteString } from "../abi/bytes.js";
import type { Status } from "../abi/enums.js";
import type { Pair } from "../abi/pairs.js";
import type { Fields } from "./stream-port.js";

export interface HttpCall {
  readonly upstream: ByteString;
  readonly headers: readonly Pair[];
  readonly body: Uint8Array;
  readonly trailers: readonly Pair[];
  /** As the guest gave it, signed. 0: none. */
  readonly timeoutMs: number;
}

export interface HttpCallAnswer {
  readonly headers: Fields;
  readonly body: Uint8Array;
  /** Absent when the response had none. */
  readonly trailers?: Fields;
}

export interface GrpcCall {
  readonly upstream: ByteString;
  readonly service: ByteString;
  readonly method: ByteString;
  readonly metadata: readonly Pair[];
  /** Unary calls only. */
  readonly message?: Uint8Array;
  readonly timeoutMs?: number;
}

/** What a gRPC call or stream brings, in order. After `close` nothing comes. */
export interface GrpcEvents {
  initialMetadata(metadata: Fields): void;
  message(bytes: Uint8Array): void;
  trailingMetadata(metadata: Fields): void;
  /** A unary call succeeded: only its message is told. */
  succeed(message: Uint8Array): void;
  close(status: number, message: ByteString): void;
}

/** A call under way. */
export interface Callout {
  /** Ends it; no event comes any more. */
  cancel(): void;
  /** gRPC streams: sends a message. */
  send?(message: Uint8Array, endOfStream: boolean): void;
  /** gRPC streams: ends our side. */
  closeLocal?(): void;
}

/** A call that was refused. Some refusals use up a token all the same. [E] */
export interface Refusal {
  readonly status: Status;
  readonly usesToken?: boolean;
  /** gRPC: its end is told by events all the same. Only with `usesToken`. [E] */
  readonly eventsFollow?: boolean;
}

/**
 * Where calls of plugins go: the proxy implements it.
 *
 * An answer must not come before the method has returned, except the events of a refused gRPC call; it may come while the guest
 * runs, and is then kept until it returned.
 */
export interface Callouts {
  httpCall(call: HttpCall, answer: (answer: HttpCallAnswer | "reset") => void): Callout | Refusal;
  grpcCall(call: GrpcCall, kind: "unary" | "stream", events: GrpcEvents): Callout | Refusal;
}

export function isRefusal(result: Callout | Refusal): result is Refusal {
  return "status" in result;
}
