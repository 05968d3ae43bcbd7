import type { HostProcess } from "../../host/process.js";
import { FilterState } from "./filter-state.js";
import type { Client, DownstreamStream, HttpProtocol } from "./peers.js";
import { ProxyStream } from "./proxy-stream.js";
import type { AccessEntry } from "./settings.js";
import type { StreamHome } from "./stream-home.js";
import type { StreamFacts } from "./stream-info.js";

/** A client's connection: on HTTP/1 it has one stream at a time. */
export class Connection {
  readonly proxy: StreamHome;
  readonly id: number;
  readonly protocol: HttpProtocol;
  readonly sourceAddress: string;
  /** The thread that serves it. */
  readonly worker: HostProcess;
  readonly facts: StreamFacts;
  /** What plugins stored for longer than a stream. */
  readonly filterState = new FilterState();
  private readonly _streams = new Set<ProxyStream>();

  /** Use `proxy.connect()`. */
  constructor(proxy: StreamHome, id: number, worker: HostProcess, protocol: HttpProtocol, sourceAddress: string) {
    this.proxy = proxy;
    this.id = id;
    this.worker = worker;
    this.protocol = protocol;
    this.sourceAddress = sourceAddress;
    this.facts = { protocol, sourceAddress, destinationAddress: proxy.settings.listener.address };
  }

  /**
   * A new request; its first event is `headers`, or `codecError` for what is no request.
   *
   * @param ended Is told when the stream is over and plugins have logged it.
   */
  newStream(client: Client, ended?: (access: AccessEntry) => void): DownstreamStream {
    const stream = new ProxyStream(this, client, ended);
    this._streams.add(stream);
    return stream;
  }

  /** A stream is over. */
  forget(stream: ProxyStream): void {
    this._streams.delete(stream);
  }

  /** The client closes it: what is under way ends. */
  close(): void {
    for (const stream of this._streams) stream.disconnected();
    this._streams.clear();
  }
}
