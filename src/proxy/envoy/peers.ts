import type { Locality } from "./config-messages.js";
import type { HeaderMap } from "../header-map.js";

/**
 * Those on the other sides of the proxy, as events on the virtual clock. What is handed over belongs to the receiver.
 *
 * A message is `headers`, any number of `data`, perhaps `trailers`; the last of them says `endOfStream` (trailers always do).
 * HTTP/1 ends a message with a body by an empty `data` of its own, HTTP/2 on the last frame: the sender does as its protocol.
 */
export interface MessageSink {
  headers(headers: HeaderMap, endOfStream: boolean): void;
  data(bytes: Uint8Array, endOfStream: boolean): void;
  trailers(trailers: HeaderMap): void;
  /** METADATA of HTTP/2, where it is allowed. */
  metadata?(metadata: HeaderMap): void;
}

export type HttpProtocol = "HTTP/1.0" | "HTTP/1.1" | "HTTP/2";

/** The client, as the proxy speaks to it. */
export interface Client extends MessageSink {
  /** 100, or another 1xx that is passed on. */
  informational(headers: HeaderMap): void;
  /**
   * The stream was cut off: HTTP/1 closes the connection, HTTP/2 sends RST_STREAM with this code. After a complete response
   * (HTTP/2 only, code 0) the rest of the request is not wanted.
   */
  reset(code: number): void;
  /** HTTP/1: the proxy ends the connection after this response; `atOnce` without the delay that lets a client read it. */
  closing?(atOnce: boolean): void;
  /** The proxy wants no more request bytes for now, or wants them again. */
  pause?(paused: boolean): void;
}

/** One request of a client, as the client speaks to the proxy. */
export interface DownstreamStream extends MessageSink {
  /** The client leaves: a closed connection (HTTP/1) or RST_STREAM (HTTP/2). */
  reset(): void;
  /** The codec cannot read what the client sent. HTTP/1: answered 400; HTTP/2: the client's side ends the connection. */
  codecError(details: string): void;
}

/** Why an upstream's stream ended before its time, in the words that Envoy puts into bodies and details. */
export type UpstreamReset =
  | "remote connection failure"
  | "connection termination"
  | "remote reset"
  | "protocol error"
  | "overflow"
  | "local reset";

/** A request on its way to a host, as the host gets it. */
export interface HostStream extends MessageSink {
  /** The proxy gives the request up: HTTP/1 closes the connection, HTTP/2 sends RST_STREAM. */
  reset(): void;
  /** The proxy reads no further for now, or again; what was read comes even so. Absent: the proxy keeps what comes. */
  pause?(paused: boolean): void;
}

/** What a host sends back. */
export interface HostEvents extends MessageSink {
  reset(reason: UpstreamReset): void;
}

/** What properties show of a host. */
export interface HostFacts {
  /** For property `xds.upstream_host_metadata`, by filter name. Default: none. */
  readonly metadata?: Readonly<Record<string, unknown>>;
  readonly locality?: Locality;
  /** For property `xds.upstream_host_locality_metadata`, by filter name. Default: none. */
  readonly localityMetadata?: Readonly<Record<string, unknown>>;
}

/** One host of a cluster. */
export interface Host extends HostFacts {
  /** `ip:port`, for properties. */
  readonly address: string;
  /** Nothing listens there: opening a stream ends in "remote connection failure". */
  readonly refuses?: boolean;
  /** A request is to come: a pool begins to connect now, unless it has a connection to spare; true if so. */
  reserve?(): boolean | void;
  /** The request does not come after all: what was opened for it is left to the next one, or to nobody when it is `spoiled`. */
  release?(spoiled?: boolean): void;
  /**
   * A new request; its first event is `headers`. Events must not come before this has returned.
   *
   * @param from The client's stream that it belongs to; undefined for a plugin's call.
   */
  open(events: HostEvents, from: DownstreamStream | undefined): HostStream;
}

/** A named group of hosts. A cluster without hosts answers 503, details `no_healthy_upstream`. */
export interface Cluster {
  readonly name: string;
  readonly protocol: HttpProtocol;
  readonly hosts: readonly Host[];
  /** HTTP/1 trailers of responses are passed on. Default false. */
  readonly enableTrailers?: boolean;
  /** METADATA frames of HTTP/2 are passed on, both ways. Default false. */
  readonly allowMetadata?: boolean;
  /** Bytes of `per_connection_buffer_limit_bytes`. Default 1 MiB. */
  readonly bufferLimit?: number;
  /** For property `xds.cluster_metadata`, by filter name. */
  readonly metadata?: Readonly<Record<string, unknown>>;
}
