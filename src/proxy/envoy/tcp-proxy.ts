import type { HostProcess } from "../../host/process.js";
import type { NetworkFilter } from "../network-filter.js";
import { FailedNetworkFilter } from "./failed-network-filter.js";
import { PluginNetworkFilter } from "../plugin-network-filter.js";
import type { TcpPeer } from "../tcp-socket.js";
import { TcpStream } from "../tcp-stream.js";
import { EnvoyStream } from "./attributes.js";
import type { EnvoyProxy } from "./proxy.js";
import { flagNames } from "./response-flags.js";
import type { TcpCluster, TcpConnection, TcpRelayOptions } from "./tcp-relay.js";
import { connectionOf, TcpRelay } from "./tcp-relay.js";

export interface TcpListenerOptions extends TcpRelayOptions {
  /** Where connections go. */
  readonly cluster: TcpCluster;
}

/** A listener whose filter chain is the proxy's plugins, as network filters, and tcp_proxy at its end. */
export class TcpListener {
  private readonly _proxy: EnvoyProxy;
  private readonly _options: TcpListenerOptions;
  private readonly _open = new Set<Accepted>();
  private _accepted = 0;

  constructor(proxy: EnvoyProxy, options: TcpListenerOptions) {
    this._proxy = proxy;
    this._options = options;
  }

  /** A client connected. What it gets, and the end of its connection, goes to `client`. */
  accept(client: TcpPeer): TcpConnection {
    const { workers, settings } = this._proxy;
    const id = this._accepted++;
    const worker = workers[id % workers.length]!;
    const info = new EnvoyStream(this._proxy.clock, id, settings.properties, {
      sourceAddress: `127.0.0.1:${50_000 + (id % 10_000)}`,
      destinationAddress: settings.listener.address,
    });
    info.protocol = undefined;
    const { cluster } = this._options;
    const relay = new TcpRelay(
      this._proxy.clock,
      client,
      cluster,
      info,
      () => {
        info.end();
        this._open.delete(accepted);
        this._logAccess(info);
      },
      this._options,
    );
    const filters = this._filters(worker, info);
    const stream = new TcpStream(this._proxy.clock, filters, relay, info, settings.listener.bufferLimit);
    relay.stream = stream;
    const accepted: Accepted = { stream };
    this._open.add(accepted);
    stream.open();
    return connectionOf(stream);
  }

  /** Ends every connection, as a proxy does that is shut down. */
  close(): void {
    for (const { stream } of this._open) stream.close(false);
  }

  private _filters(worker: HostProcess, info: EnvoyStream): NetworkFilter[] {
    const filters: NetworkFilter[] = [];
    for (const [index, config] of this._proxy.settings.plugins.entries()) {
      const root = this._proxy.handle(index, worker).get();
      if (root === "bypass") continue;
      filters.push(
        root === "fail" ? new FailedNetworkFilter() : new PluginNetworkFilter(root, info, config.failOpen ?? false),
      );
    }
    return filters;
  }

  private _logAccess(info: EnvoyStream): void {
    this._proxy.accessLog.push({
      code: 0,
      details: undefined,
      flags: flagNames(info.responseFlags),
      requestBytes: info.requestBytes,
      responseBytes: info.responseBytes,
      protocol: undefined,
      method: undefined,
      path: undefined,
      cluster: info.clusterName,
      route: undefined,
      grpcStatus: undefined,
      filterState: info.filterState,
    });
  }
}

interface Accepted {
  readonly stream: TcpStream;
}
