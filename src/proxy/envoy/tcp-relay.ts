import type { Clock, Timer } from "../../host/services/clock.js";
import { millisecondsToNs } from "../../host/services/clock.js";
import type { BodyBuffer } from "../body-buffer.js";
import type { ClosedBy } from "../network-filter.js";
import type { TcpConnection, TcpPeer } from "../tcp-socket.js";
import { TcpSocket } from "../tcp-socket.js";
import type { TcpEnds, TcpStream } from "../tcp-stream.js";
import type { HostFacts } from "./peers.js";
import type { ClusterFacts } from "./proxy-info.js";
import type { StreamInfo } from "./stream-info.js";

/** A server that takes connections. */
export interface TcpHost extends HostFacts {
  /** `ip:port`, for properties. */
  readonly address: string;
  /** Nothing listens there. */
  readonly refuses?: boolean;
  /** A connection of the proxy. What the host sends goes to `connection`, not before this has returned. */
  connect(connection: TcpConnection): TcpPeer;
}

export interface TcpCluster extends ClusterFacts {
  readonly name: string;
  readonly hosts: readonly TcpHost[];
}

export interface TcpRelayOptions {
  /** Milliseconds without bytes in either direction after which both connections end; 0: never. Default one hour. [E] */
  readonly idleTimeoutMs?: number;
}

const hour = 3_600_000;
/** Whoever made the relay. */
export interface RelayOwner {
  /** The client, to whom bytes go. */
  readonly client: TcpPeer;
  /** The client's connection is gone, and the filters were told. */
  ended(): void;
}

/** The end of a network filter chain: connects to an upstream and passes bytes both ways. [E] tcp_proxy.cc */
export class TcpRelay implements TcpEnds {
  /** Set by whoever makes both. */
  stream!: TcpStream;
  private readonly _clock: Clock;
  private readonly _cluster: TcpCluster;
  private readonly _info: StreamInfo;
  private readonly _idleMs: number;
  private readonly _owner: RelayOwner;
  private _upstream: UpstreamSocket | undefined = undefined;
  private _idleTimer: Timer | undefined = undefined;

  constructor(clock: Clock, owner: RelayOwner, cluster: TcpCluster, info: StreamInfo, options: TcpRelayOptions = {}) {
    this._clock = clock;
    this._cluster = cluster;
    this._info = info;
    this._owner = owner;
    this._idleMs = options.idleTimeoutMs ?? hour;
  }

  get client(): TcpPeer {
    return this._owner.client;
  }

  /** The upstream's connection, while there is one. */
  get upstream(): TcpSocket | undefined {
    return this._upstream;
  }

  begin(): void {
    this._info.clusterName = this._cluster.name;
    const host = this._cluster.hosts[0];
    if (host === undefined) {
      this._info.flags.set("UH");
      this.stream.close(false);
      return;
    }
    this._clock.schedule(0, () => this._connect(host));
  }

  acceptData(data: BodyBuffer, endOfStream: boolean): void {
    this._upstream?.write(data, endOfStream);
    this._active();
  }

  /** [E] What is on its way to the upstream still leaves when it was the client who went. */
  ended(by: ClosedBy): void {
    this._idleTimer?.cancel();
    const upstream = this._upstream;
    this._upstream = undefined;
    upstream?.close(by === "remote");
    this._owner.ended();
  }

  /** Bytes came from the upstream; the filters take them, or leave them for the next time. */
  upstreamRead(data: BodyBuffer, endOfStream: boolean): void {
    this.stream.write(data, endOfStream);
    this._active();
  }

  /** The upstream's connection is gone: the client's ends after what is on its way to it. */
  upstreamClosed(): void {
    if (this._upstream === undefined) return;
    this._upstream = undefined;
    this.stream.close(true);
  }

  private _connect(host: TcpHost): void {
    if (!this.stream.isOpen) return;
    if (host.refuses === true) {
      this._info.flags.set("UF");
      this._info.flags.set("URX");
      this.stream.close(false);
      return;
    }
    const upstream = new UpstreamSocket(this._clock, this);
    this._upstream = upstream;
    this._info.upstream = {
      address: host.address,
      localAddress: `127.0.0.1:${40_000 + (this._info.connectionId % 10_000)}`,
      requestAttemptCount: 1,
      backendLatencyNs: undefined,
      host,
    };
    upstream.peer = host.connect(upstream);
    this._active();
    this.stream.resumeReading();
  }

  /** Bytes passed: the connections are idle from now on. */
  private _active(): void {
    this._idleTimer?.cancel();
    if (this._idleMs <= 0 || !this.stream.isOpen) return;
    this._idleTimer = this._clock.schedule(millisecondsToNs(this._idleMs), () => this.stream.close(false));
  }
}

/** The connection to the upstream, without filters. */
class UpstreamSocket extends TcpSocket {
  peer!: TcpPeer;
  private readonly _relay: TcpRelay;

  constructor(clock: Clock, relay: TcpRelay) {
    super(clock);
    this._relay = relay;
  }

  protected onRead(): void {
    this._relay.upstreamRead(this.readBuffer, this.readEnded);
  }
  protected onWrite(): boolean {
    return true;
  }
  protected onClosed(): void {
    this._relay.upstreamClosed();
  }
}
