import type { Property } from "./property-value.js";

export type Protocol = "HTTP/1.0" | "HTTP/1.1" | "HTTP/2" | "HTTP/3";

/** What a proxy knows of a stream besides its messages. The test may set all of it. */
export interface StreamInfo {
  readonly protocol: Protocol;
  /** Wall time at which the request came, nanoseconds since the Unix epoch. */
  readonly startNs: bigint;
  readonly connectionId: number;
  /** `ip:port` of the client and of the listener. */
  readonly sourceAddress: string;
  readonly destinationAddress: string;
  /** Bytes of bodies. */
  requestBytes: number;
  responseBytes: number;
  /** Envoy's bit mask of response flags. */
  responseFlags: number;
  /** Nanoseconds from start to end; undefined while the stream lives. */
  durationNs: number | undefined;
  /** Set once the router has a connection to an upstream. */
  upstream: UpstreamInfo | undefined;
  routeName: string | undefined;
  clusterName: string | undefined;
  /** What plugins stored with proxy_set_property, by `wasm.<path>`. */
  readonly filterState: Map<string, Uint8Array>;
  /** Properties that the test sets, by path with dots: they win over what is computed. */
  readonly properties: Readonly<Record<string, Property>>;
}

export interface UpstreamInfo {
  readonly address: string;
  readonly localAddress: string;
  readonly requestAttemptCount: number;
  /** Nanoseconds from the first byte sent to the last received; undefined before that. */
  backendLatencyNs: number | undefined;
}

/** A stream over HTTP/1.1 from loopback, as the recordings have it. */
export function streamInfo(startNs: bigint, given: Partial<StreamInfo> = {}): StreamInfo {
  return {
    protocol: "HTTP/1.1",
    startNs,
    connectionId: 0,
    sourceAddress: "127.0.0.1:50000",
    destinationAddress: "127.0.0.1:10000",
    requestBytes: 0,
    responseBytes: 0,
    responseFlags: 0,
    durationNs: undefined,
    upstream: undefined,
    routeName: undefined,
    clusterName: undefined,
    filterState: new Map(),
    properties: {},
    ...given,
  };
}
