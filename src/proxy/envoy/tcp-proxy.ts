import type { HostProcess } from "../../host/process.js";
import type { NetworkFilter } from "../network-filter.js";
import { FailedNetworkFilter } from "./failed-network-filter.js";
import { PluginNetworkFilter } from "../plugin-network-filter.js";
import type { TcpConnection, TcpPeer } from "../tcp-socket.js";
import { TcpStream } from "../tcp-stream.js";
import { EnvoyStream } from "./attributes.js";
import type { EnvoyProxy } from "./proxy.js";
import type { RelayOwner, TcpCluster, TcpRelayOptions } from "./tcp-relay.js";
import { TcpRelay } from "./tcp-relay.js";

export interface TcpListenerOptions extends TcpRelayOptions {
  /** Where connections go. */
  readonly cluster: TcpCluster;
}

/** A listener whose filter chain is the proxy's plugins, as network filters, and tcp_proxy at its end. */
export class TcpListener {
  readonly proxy: EnvoyProxy;
  readonly options: TcpListenerOptions;
  private readonly _open = new Set<Accepted>();
  /** Connections so far: their ids follow from it. */
  accepted = 0;

  constructor(proxy: EnvoyProxy, options: TcpListenerOptions) {
    this.proxy = proxy;
    this.options = options;
  }

  /** A client connected. What it gets, and the end of its connection, goes to `client`. */
  accept(client: TcpPeer): TcpConnection {
    const accepted = new Accepted(this, client, this.accepted++);
    this._open.add(accepted);
    accepted.stream.open();
    return accepted.stream;
  }

  /** Connections that are open. */
  get open(): number {
    return this._open.size;
  }

  /** Forgets what is open, and counts on from `accepted`: a snapshot goes back to there. */
  restart(accepted: number): void {
    this._open.clear();
    this.accepted = accepted;
  }

  /** A connection is over. */
  forget(accepted: Accepted): void {
    this._open.delete(accepted);
  }

  /** Ends every connection, as a proxy does that is shut down. */
  close(): void {
    for (const { stream } of this._open) stream.close(false);
  }
}

/** One client's connection, with its line of the access log. */
class Accepted implements RelayOwner {
  readonly client: TcpPeer;
  readonly stream: TcpStream;
  private readonly _listener: TcpListener;
  private readonly _info: EnvoyStream;

  constructor(listener: TcpListener, client: TcpPeer, id: number) {
    this.client = client;
    this._listener = listener;
    const { proxy, options } = listener;
    const { clock, settings, workers } = proxy;
    const info = (this._info = new EnvoyStream(clock, id, settings.properties, {
      sourceAddress: `127.0.0.1:${50_000 + (id % 10_000)}`,
      destinationAddress: settings.listener.address,
    }));
    info.protocol = undefined;
    info.proxy = proxy.info;
    info.tcpCluster = options.cluster;
    const relay = new TcpRelay(clock, this, options.cluster, info, options);
    const filters = filtersOf(proxy, workers[id % workers.length]!, info);
    this.stream = relay.stream = new TcpStream(clock, filters, relay, info, settings.listener.bufferLimit);
  }

  ended(): void {
    const info = this._info;
    info.end();
    this._listener.forget(this);
    this._listener.proxy.accessLog.push({
      code: 0,
      details: undefined,
      flags: String(info.flags),
      requestBytes: info.requestBytes,
      responseBytes: info.responseBytes,
      protocol: undefined,
      method: undefined,
      path: undefined,
      cluster: info.clusterName,
      route: undefined,
      grpcStatus: undefined,
      filterState: info.filterState.all(),
    });
  }
}

function filtersOf(proxy: EnvoyProxy, worker: HostProcess, info: EnvoyStream): NetworkFilter[] {
  const filters: NetworkFilter[] = [];
  for (const [index, config] of proxy.settings.plugins.entries()) {
    const root = proxy.handle(index, worker).get();
    if (root === "bypass") continue;
    filters.push(
      root === "fail" ? new FailedNetworkFilter() : new PluginNetworkFilter(root, info, config.failOpen ?? false),
    );
  }
  return filters;
}
