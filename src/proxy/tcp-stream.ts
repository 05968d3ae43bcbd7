import type { Clock } from "../host/services/clock.js";
import type { BodyBuffer } from "./body-buffer.js";
import type { ClosedBy, NetworkFilter, NetworkFilterHandle } from "./network-filter.js";
import { NetworkAction } from "./network-filter.js";
import type { TcpPeer } from "./tcp-socket.js";
import { TcpSocket } from "./tcp-socket.js";

/** What stands behind the filters: Envoy's tcp_proxy. */
export interface TcpEnds {
  readonly client: TcpPeer;
  /** Every filter let the connection begin: nothing is read from the client before `resumeReading`. */
  begin(): void;
  /** Bytes for the upstream; all are to be taken. */
  acceptData(data: BodyBuffer, endOfStream: boolean): void;
  /** The filters were told already. */
  ended(by: ClosedBy): void;
}

/** Counts bytes as access logs and properties show them. */
export interface ByteMeter {
  /** At each read, all bytes that no filter has let pass: those that are held count again. [R] */
  requestBytes: number;
  responseBytes: number;
}

/** A filter's place in the chain. */
class Place implements NetworkFilterHandle {
  readonly filter: NetworkFilter;
  begun = false;
  private readonly _stream: TcpStream;
  private readonly _index: number;

  constructor(stream: TcpStream, filter: NetworkFilter, index: number) {
    this.filter = filter;
    this._stream = stream;
    this._index = index;
    filter.attach(this);
  }

  continueReading(): void {
    this._stream.continueFrom(this._index);
  }

  close(flush: boolean): void {
    this._stream.close(flush);
  }
}

/**
 * A client's TCP connection through a chain of filters: in their order towards the upstream, in reverse towards the client.
 * [E] network/filter_manager_impl.cc
 */
export class TcpStream extends TcpSocket {
  private readonly _places: readonly Place[];
  private readonly _ends: TcpEnds;
  private readonly _meter: ByteMeter;
  private _begun = false;

  constructor(clock: Clock, filters: readonly NetworkFilter[], ends: TcpEnds, meter: ByteMeter, bufferLimit?: number) {
    super(clock, bufferLimit);
    this._ends = ends;
    this._meter = meter;
    this._places = filters.map((filter, index) => new Place(this, filter, index));
    this.pauseReading();
  }

  /** Shows the new connection to the filters. */
  open(): void {
    this._iterate(0);
  }

  /** That filter lets go on what it held. */
  continueFrom(index: number): void {
    if (!this.isOpen) return;
    this._iterate(index + 1);
    this.readMore();
  }

  protected get peer(): TcpPeer {
    return this._ends.client;
  }

  protected onRead(): void {
    this._meter.requestBytes += this.readBuffer.size;
    this._iterate(0);
  }

  protected onWrite(data: BodyBuffer, endOfStream: boolean): boolean {
    for (let i = this._places.length - 1; i >= 0; i--) {
      const action = this._places[i]!.filter.upstreamData(data, endOfStream);
      if (action !== NetworkAction.Continue || !this.isOpen) return false;
    }
    this._meter.responseBytes += data.size;
    return true;
  }

  protected onClosed(by: ClosedBy): void {
    for (const { filter } of this._places) filter.closed(by);
    this._ends.ended(by);
  }

  /** A filter that was not told of the connection yet is told first. */
  private _iterate(from: number): void {
    const data = this.readBuffer;
    for (let i = from; i < this._places.length; i++) {
      const at = this._places[i]!;
      if (!at.begun) {
        at.begun = true;
        if (at.filter.newConnection() !== NetworkAction.Continue || !this.isOpen) return;
      }
      if (data.size === 0 && !this.readEnded) continue;
      if (at.filter.downstreamData(data, this.readEnded) !== NetworkAction.Continue || !this.isOpen) return;
    }
    if (!this._begun) {
      this._begun = true;
      this._ends.begin();
    } else if (data.size > 0 || this.readEnded) {
      this._ends.acceptData(data, this.readEnded);
    }
  }
}
