import { noBytes, textOf } from "../abi/bytes.js";
import type { Action } from "../abi/enums.js";
import { Action as Actions } from "../abi/enums.js";
import { HarnessError } from "../errors.js";
import type { LinkedCallback } from "../host/callbacks.js";
import type { PluginContext } from "../host/contexts.js";
import { failureError } from "../host/life-cycle.js";
import type { LogRecord } from "../host/log-book.js";
import { BodyBuffer } from "../proxy/body-buffer.js";
import { EnvoyStream } from "../proxy/envoy/attributes.js";
import { givenProperties } from "../proxy/envoy/given-properties.js";
import type { RelayOwner, TcpHost } from "../proxy/envoy/tcp-relay.js";
import { TcpRelay } from "../proxy/envoy/tcp-relay.js";
import type { ClosedBy } from "../proxy/network-filter.js";
import type { AnswerListener } from "../proxy/plugin-filter.js";
import { PluginNetworkFilter } from "../proxy/plugin-network-filter.js";
import type { TcpConnection, TcpPeer } from "../proxy/tcp-socket.js";
import { TcpStream } from "../proxy/tcp-stream.js";
import { bytesOf } from "./stream-driver.js";
import type { Part, StreamDriverOptions, StreamSettings } from "./stream-driver.js";

/** What has arrived at one end of a TCP stream. */
export class PassedBytes implements TcpPeer {
  /** Nothing more comes: a FIN came, or the connection is gone. */
  complete = false;
  /** The connection is gone, in both directions. */
  gone = false;
  private _bytes: BodyBuffer | undefined = undefined;

  /** Bytes that have arrived so far. */
  get bytes(): Uint8Array {
    return this._bytes?.whole() ?? noBytes;
  }
  /** The bytes as text: UTF-8, broken sequences shown as U+FFFD. */
  text(): string {
    return textOf(this.bytes);
  }

  /** For the stream, which delivers here. */
  data(bytes: Uint8Array): void {
    this._bytes ??= new BodyBuffer();
    this._bytes.append(bytes);
  }
  end(): void {
    this.complete = true;
  }
  closed(): void {
    this.complete = true;
    this.gone = true;
  }
}

/** The connection to the upstream, which takes everything. */
class DrivenHost implements TcpHost {
  readonly address = "127.0.0.1:9000";
  readonly received = new PassedBytes();
  connection: TcpConnection | undefined = undefined;

  connect(connection: TcpConnection): TcpPeer {
    this.connection = connection;
    return this.received;
  }
}

const more: Part = {};

/**
 * A TCP stream driven callback by callback, through a chain of this one plugin and a connection to an upstream: what has
 * arrived there and at the client is collected in `upstream` and `client`.
 *
 * Opening it makes `proxy_on_new_connection`. Each method then hands something to the stream and tells how the plugin answered;
 * undefined where the plugin was not shown it. When both sides have sent their end, or one of them is gone, the stream is
 * closed: `proxy_on_downstream_connection_close`, `proxy_on_done`, `proxy_on_log`, `proxy_on_delete`.
 */
export class TcpStreamDriver implements AnswerListener, RelayOwner, Disposable {
  /** What the client got. */
  readonly client = new PassedBytes();
  private readonly _root: PluginContext;
  private readonly _settings: StreamSettings;
  private readonly _filter: PluginNetworkFilter;
  private readonly _info: EnvoyStream;
  private readonly _host = new DrivenHost();
  private readonly _stream: TcpStream;
  private readonly _firstLog: number;
  private readonly _opened: Action | undefined;
  private _downstreamEnded = false;
  private _upstreamEnded = false;
  private _answer: number | undefined = undefined;
  private _answered = false;

  /** Use `plugin.openTcpStream()`. */
  constructor(root: PluginContext, number: number, settings: StreamSettings, options: StreamDriverOptions = {}) {
    this._root = root;
    this._settings = settings;
    const { clock, log } = root.vm.process;
    this._firstLog = log.next;
    const properties =
      options.properties === undefined ? settings.properties : { ...settings.properties, ...options.properties };
    givenProperties(properties); // what is wrong in them is told now
    const info = (this._info = new EnvoyStream(clock, number, properties, options.facts));
    if (options.facts?.protocol === undefined) info.protocol = undefined;
    this._filter = new PluginNetworkFilter(root, info, settings.filter.passOnFailure);
    this._filter.onAnswer = this;
    const relay = new TcpRelay(clock, this, { name: "upstream", hosts: [this._host] }, info, { idleTimeoutMs: 0 });
    this._stream = relay.stream = new TcpStream(clock, [this._filter], relay, info);
    const failed = root.vm.failed;
    this._stream.open();
    this._opened = this._settle(failed);
  }

  /** For the stream: it is closed. */
  ended(): void {
    this._info.end();
  }
  /** For the filter: what the guest answered. Of a part that leads to several callbacks the first answer counts. */
  answered(answer: number | undefined, _callback: LinkedCallback): void {
    if (!this._answered) this._answer = answer;
    this._answered = true;
  }

  /** What the upstream got. */
  get upstream(): PassedBytes {
    return this._host.received;
  }
  /** How the plugin answered `proxy_on_new_connection`. While it pauses there, nothing else is shown to it. */
  get newConnection(): Action | undefined {
    return this._opened;
  }
  /** Id of the plugin's stream context. */
  get contextId(): number {
    return this._filter.context.id;
  }
  /** Is there a connection to the upstream? Not while the plugin pauses in `proxy_on_new_connection`. */
  get connected(): boolean {
    return this._host.connection !== undefined;
  }
  /** The stream is over: `proxy_on_done`, `proxy_on_log` and `proxy_on_delete` were called. */
  get finished(): boolean {
    return this._stream.closedBy !== undefined;
  }
  /** Who closed it: "local" is the proxy, for the plugin, for the upstream or as the last to send its end. Undefined while it is open. */
  get closedBy(): ClosedBy | undefined {
    return this._stream.closedBy;
  }
  /** Lines logged by the plugin on this stream's context. */
  get logs(): readonly LogRecord[] {
    return this._root.vm.process.log.since(this._firstLog).filter((record) => record.contextId === this.contextId);
  }

  /**
   * The client sends bytes: makes `proxy_on_downstream_data` with all bytes that the plugin has not let pass yet.
   *
   * @throws {HarnessError} ILLEGAL_CALL after the client's end, and when the stream is closed; GUEST_TRAPPED, GUEST_TIMEOUT.
   */
  downstreamData(data: string | Uint8Array, { endOfStream = false }: Part = more): Action | undefined {
    if (this.finished) throw this._illegal("downstream data", "the stream is closed");
    if (this._downstreamEnded) throw this._illegal("downstream data", "the client has ended its side");
    this._downstreamEnded = endOfStream;
    const failed = this._root.vm.failed;
    if (endOfStream) this._stream.end(bytesOf(data));
    else this._stream.data(bytesOf(data));
    return this._settle(failed);
  }

  /**
   * The upstream sends bytes: makes `proxy_on_upstream_data`; with the end also `proxy_on_upstream_connection_close`.
   *
   * @throws {HarnessError} ILLEGAL_CALL while the plugin has not let the connection begin, after the upstream's end, and when
   *   the stream is closed; GUEST_TRAPPED, GUEST_TIMEOUT.
   */
  upstreamData(data: string | Uint8Array, { endOfStream = false }: Part = more): Action | undefined {
    if (this.finished) throw this._illegal("upstream data", "the stream is closed");
    if (this._upstreamEnded) throw this._illegal("upstream data", "the upstream has ended its side");
    const connection = this._connection("upstream data");
    this._upstreamEnded = endOfStream;
    const failed = this._root.vm.failed;
    if (endOfStream) connection.end(bytesOf(data));
    else connection.data(bytesOf(data));
    return this._settle(failed);
  }

  /** The client's connection ends at once: "remote" (default) by a TCP reset, "local" by the proxy. Twice is harmless. */
  closeDownstream({ by = "remote" }: { readonly by?: ClosedBy } = {}): void {
    const failed = this._root.vm.failed;
    if (by === "remote") {
      this._stream.reset();
      // the reset of a connection that is not read is noticed later; here it is meant now
      if (!this.finished) this._stream.resumeReading();
    } else {
      this._stream.close(false);
    }
    this._settle(failed);
  }

  /** The upstream's connection is reset: the proxy sends the client what it has, and closes. Twice is harmless. */
  closeUpstream(): void {
    if (this.finished) return;
    const failed = this._root.vm.failed;
    this._connection("the upstream's close").reset();
    this._settle(failed);
  }

  /** A property as the plugin would read it on this stream now; undefined where it would get no bytes. */
  property(...segments: readonly string[]): Uint8Array | undefined {
    const value = this._filter.context.property(segments);
    if (typeof value === "number") return undefined;
    return typeof value === "string" ? Buffer.from(value, "latin1") : value;
  }

  /** Ends the stream as a client that goes away does. Closing twice is harmless. */
  close(): void {
    this.closeDownstream();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  private _connection(what: string): TcpConnection {
    const { connection } = this._host;
    if (connection !== undefined) return connection;
    throw this._illegal(what, "there is no connection to the upstream: the plugin pauses in proxy_on_new_connection");
  }

  /** After something was handed over: lets what is due happen, reports a failure, and tells the answer. */
  private _settle(hadFailed: boolean): Action | undefined {
    const { vm } = this._root;
    vm.process.clock.advance(0);
    if (vm.failed && !hadFailed && this._settings.throwOnFailure) throw failureError(vm);
    const answer = this._answer;
    this._answer = undefined;
    this._answered = false;
    if (answer === undefined) return undefined;
    return answer === 0 ? Actions.Continue : Actions.Pause;
  }

  private _illegal(what: string, why: string): HarnessError {
    return new HarnessError("ILLEGAL_CALL", `Cannot send ${what}: ${why}`);
  }
}
