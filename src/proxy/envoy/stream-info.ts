import type { Clock } from "../../host/services/clock.js";
import { FilterState } from "./filter-state.js";
import type { HostFacts } from "./peers.js";
import type { Property } from "./property-value.js";
import type { ClusterFacts, ProxyInfo } from "./proxy-info.js";
import { plainProxy } from "./proxy-info.js";
import { FlagSet } from "./response-flags.js";
import type { Route, VirtualHost } from "./settings.js";

export type Protocol = "HTTP/1.0" | "HTTP/1.1" | "HTTP/2" | "HTTP/3";

export interface UpstreamInfo {
  readonly address: string;
  /** Undefined when there was no connection. */
  readonly localAddress: string | undefined;
  /** Why not. */
  readonly transportFailureReason?: string;
  readonly host?: HostFacts;
  readonly requestAttemptCount: number;
  /** Nanoseconds from the first byte sent to the last received; undefined before that. */
  backendLatencyNs: number | undefined;
}

/** What a test may say about a stream. */
export interface StreamFacts {
  /** Default HTTP/1.1. */
  readonly protocol?: Protocol;
  /** `ip:port` of the client. Default 127.0.0.1:50000. */
  readonly sourceAddress?: string;
  /** `ip:port` of the listener. Default 127.0.0.1:10000. */
  readonly destinationAddress?: string;
}

/** What a proxy knows of a stream besides its messages. */
export class StreamInfo {
  /** Undefined for a TCP connection. */
  protocol: Protocol | undefined = "HTTP/1.1";
  sourceAddress = "127.0.0.1:50000";
  destinationAddress = "127.0.0.1:10000";
  readonly connectionId: number;
  /** Properties that the test sets, by path with dots: they win over what is computed. */
  readonly properties: Readonly<Record<string, Property>>;
  /** Bytes of bodies. */
  requestBytes = 0;
  responseBytes = 0;
  readonly flags = new FlagSet();
  /** Nanoseconds from start to end; undefined while the stream lives. */
  durationNs: number | undefined = undefined;
  /** Set once the router has a connection to an upstream. */
  upstream: UpstreamInfo | undefined = undefined;
  virtualHost: VirtualHost | undefined = undefined;
  route: Route | undefined = undefined;
  routeName: string | undefined = undefined;
  clusterName: string | undefined = undefined;
  /** What is the same for all streams. */
  proxy: ProxyInfo = plainProxy;
  /** Where a TCP connection goes. */
  tcpCluster: ClusterFacts | undefined = undefined;
  private readonly _clock: Clock;
  private readonly _startedNs: number;
  private _filterState: FilterState | undefined = undefined;
  private readonly _connectionState: FilterState | undefined;

  /** @param connectionState Objects of the connection, which outlive the stream; without it they end with the stream. */
  constructor(
    clock: Clock,
    connectionId: number,
    properties: Readonly<Record<string, Property>>,
    facts?: StreamFacts,
    connectionState?: FilterState,
  ) {
    this._connectionState = connectionState;
    this._clock = clock;
    this._startedNs = clock.elapsedNs;
    this.connectionId = connectionId;
    this.properties = properties;
    if (facts !== undefined) Object.assign(this, facts);
  }

  /** The cluster of the route. */
  get cluster(): ClusterFacts | undefined {
    return this.tcpCluster ?? this.proxy.cluster(this.clusterName);
  }

  /** Wall time at which the request came, nanoseconds since the Unix epoch. */
  get startNs(): bigint {
    return this._clock.wallNs - BigInt(this._clock.elapsedNs - this._startedNs);
  }

  /** Nanoseconds since the request came. */
  get sinceStartNs(): number {
    return this._clock.elapsedNs - this._startedNs;
  }

  /** What plugins stored with proxy_set_property, by `wasm.<path>`, and Envoy's own objects. */
  get filterState(): FilterState {
    return (this._filterState ??= new FilterState(this._connectionState));
  }

  /** The stream is over. */
  end(): void {
    this.durationNs ??= this._clock.elapsedNs - this._startedNs;
  }
}
