import { noBytes } from "../abi/bytes.js";
import { HarnessError } from "../errors.js";
import type { Clock } from "../host/services/clock.js";
import type { TcpListener } from "../proxy/envoy/tcp-proxy.js";
import type { TcpHost } from "../proxy/envoy/tcp-relay.js";
import type { TcpConnection, TcpPeer } from "../proxy/tcp-socket.js";
import type { Proxy } from "./proxy.js";
import type { Part } from "./stream-driver.js";
import { bytesOf } from "./stream-driver.js";
import { PassedBytes } from "./tcp-driver.js";

/** An upstream of a TCP proxy. What it does not say is done for it: it takes everything, and ends its side after the proxy. */
export interface TcpUpstream {
  /** Sent as soon as the connection is made. */
  readonly greeting?: string | Uint8Array;
  /** Bytes came; what it returns is sent. `connection` can end or reset as well. */
  data?(bytes: Uint8Array, connection: TcpConnection): string | Uint8Array | void;
  /** The proxy sent its FIN. Default: ours follows. */
  end?(connection: TcpConnection): void;
}

/** The upstream as the proxy's only host: each connection's bytes are kept for the test. */
export class UpstreamServer implements TcpHost {
  readonly address = "127.0.0.1:9000";
  readonly refuses: boolean;
  readonly connections: PassedBytes[] = [];
  private readonly _upstream: TcpUpstream;
  private readonly _clock: Clock;

  constructor(upstream: TcpUpstream | "refused", clock: Clock) {
    this.refuses = upstream === "refused";
    this._upstream = upstream === "refused" ? {} : upstream;
    this._clock = clock;
  }

  connect(connection: TcpConnection): TcpPeer {
    const served = new Served(this._upstream, connection);
    this.connections.push(served);
    const { greeting } = this._upstream;
    if (greeting !== undefined) this._clock.schedule(0, () => connection.data(bytesOf(greeting)));
    return served;
  }
}

/** One connection at the upstream. */
class Served extends PassedBytes {
  private readonly _upstream: TcpUpstream;
  private readonly _connection: TcpConnection;

  constructor(upstream: TcpUpstream, connection: TcpConnection) {
    super();
    this._upstream = upstream;
    this._connection = connection;
  }

  override data(bytes: Uint8Array): void {
    super.data(bytes);
    const answer = this._upstream.data?.(bytes, this._connection);
    if (answer !== undefined) this._connection.data(bytesOf(answer));
  }

  override end(): void {
    super.end();
    if (this._upstream.end === undefined) this._connection.end();
    else this._upstream.end(this._connection);
  }
}

const more: Part = {};

/** A client's connection to a TCP proxy. Everything that can happen at once has happened when a method returns. */
export class TcpClient implements Disposable {
  /** What the client got. */
  readonly received = new PassedBytes();
  private readonly _proxy: Proxy;
  private readonly _connection: TcpConnection;
  private _ended = false;

  /** Use `proxy.connect()`. */
  constructor(proxy: Proxy, listener: TcpListener) {
    this._proxy = proxy;
    const before = proxy.diagnostics.length;
    this._connection = listener.accept(this.received);
    this._settle(before);
  }

  /** Is the connection gone, in both directions? */
  get closed(): boolean {
    return this.received.gone;
  }

  /**
   * Sends bytes. With `endOfStream` a FIN comes together with them.
   *
   * @throws {HarnessError} ILLEGAL_CALL after the client's own end; GUEST_TRAPPED, GUEST_TIMEOUT unless `onFailure` is "policy".
   *   Bytes for a connection that the proxy has closed are lost, as on any network.
   */
  send(data: string | Uint8Array, { endOfStream = false }: Part = more): void {
    if (this._ended) throw new HarnessError("ILLEGAL_CALL", "Cannot send data: the client has ended its side");
    this._ended = endOfStream;
    const before = this._proxy.diagnostics.length;
    const bytes = bytesOf(data);
    if (endOfStream) this._connection.end(bytes);
    else this._connection.data(bytes);
    this._settle(before);
  }

  /** Ends the client's side, and reads on. Twice is harmless. */
  end(): void {
    if (!this._ended) this.send(noBytes, { endOfStream: true });
  }

  /** Ends the connection with a TCP reset. */
  reset(): void {
    this._ended = true;
    const before = this._proxy.diagnostics.length;
    this._connection.reset();
    this._settle(before);
  }

  [Symbol.dispose](): void {
    this.end();
  }

  private _settle(firstDiagnostic: number): void {
    this._proxy.clock.advance(0);
    this._proxy.throwProblems(undefined, firstDiagnostic);
  }
}
