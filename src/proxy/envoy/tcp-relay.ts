import type { Clock, Timer } from "../../host/services/clock.js";
import { millisecondsToNs } from "../../host/services/clock.js";
import type { BodyBuffer } from "../body-buffer.js";
import type { ClosedBy } from "../network-filter.js";
import type { TcpPeer } from "../tcp-socket.js";
import { TcpSocket } from "../tcp-socket.js";
import type { TcpEnds, TcpStream } from "../tcp-stream.js";
import { responseFlags } from "./response-flags.js";
import type { StreamInfo } from "./stream-info.js";

/** One of the proxy's connections, as its peer speaks to it. Calls after its end do nothing. */
export interface TcpConnection {
  data(bytes: Uint8Array): void;
  /** FIN: nothing more comes. @param bytes Last ones, that arrive together with it. */
  end(bytes?: Uint8Array): void;
  reset(): void;
}

/** A server that takes connections. */
export interface TcpHost {
  /** `ip:port`, for properties. */
  readonly address: string;
  /** Nothing listens there. */
  readonly refuses?: boolean;
  /** A connection of the proxy. What the host sends goes to `connection`, not before this has returned. */
  connect(connection: TcpConnection): TcpPeer;
}

export interface TcpCluster {
  readonly name: string;
  readonly hosts: readonly TcpHost[];
}

export interface TcpRelayOptions {
  /** Milliseconds without bytes in either direction after which both connections end; 0: never. Default one hour. [E] */
  readonly idleTimeoutMs?: number;
}

const hour = 3_600_000;
const noBytes = new Uint8Array(0);

/** Hands a peer the connection it speaks to. */
export function connectionOf(socket: TcpSocket): TcpConnection {
  return {
    data: (bytes) => socket.receive(bytes, false),
    end: (bytes = noBytes) => socket.receive(bytes, true),
    reset: () => socket.reset(),
  };
}

/** The end of a network filter chain: connects to an upstream and passes bytes both ways. [E] tcp_proxy.cc */
export class TcpRelay implements TcpEnds {
  readonly client: TcpPeer;
  /** Set by whoever makes both. */
  stream!: TcpStream;
  private readonly _clock: Clock;
  private readonly _cluster: TcpCluster;
  private readonly _info: StreamInfo;
  private readonly _idleMs: number;
  private readonly _onEnd: () => void;
  private _upstream: UpstreamSocket | undefined = undefined;
  private _idleTimer: Timer | undefined = undefined;

  /** @param onEnd The client's connection is gone, and the filters were told. */
  constructor(
    clock: Clock,
    client: TcpPeer,
    cluster: TcpCluster,
    info: StreamInfo,
    onEnd: () => void,
    options: TcpRelayOptions = {},
  ) {
    this._clock = clock;
    this.client = client;
    this._cluster = cluster;
    this._info = info;
    this._onEnd = onEnd;
    this._idleMs = options.idleTimeoutMs ?? hour;
  }

  /** The upstream's connection, while there is one. */
  get upstream(): TcpSocket | undefined {
    return this._upstream;
  }

  begin(): void {
    this._info.clusterName = this._cluster.name;
    const host = this._cluster.hosts[0];
    if (host === undefined) {
      this._info.responseFlags |= responseFlags.UH;
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
    this._onEnd();
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
      this._info.responseFlags |= responseFlags.UF | responseFlags.URX;
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
    };
    upstream.peer = host.connect(connectionOf(upstream));
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
    super(clock, () => this.peer);
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
