import { noBytes } from "../abi/bytes.js";
import type { Clock } from "../host/services/clock.js";
import { BodyBuffer } from "./body-buffer.js";
import type { ClosedBy } from "./network-filter.js";

/** Who is at the other end of one of the proxy's TCP connections. */
export interface TcpPeer {
  /** Bytes came, which belong to the receiver. */
  data(bytes: Uint8Array): void;
  /** FIN: no more bytes come; the other direction stays open. At most once. */
  end(): void;
  /** The connection is gone, in both directions. Once, last. */
  closed(): void;
}

/** One of the proxy's TCP connections, as its peer speaks to it. Calls after the end do nothing. */
export interface TcpConnection {
  data(bytes: Uint8Array): void;
  /** FIN: nothing more comes. @param bytes Last ones, which arrive together with it. */
  end(bytes?: Uint8Array): void;
  reset(): void;
}

/** Bytes that one read brings at most, and that a connection holds before it stops reading. [E] */
const readSize = 16_384;
export const defaultBufferLimit = 1024 * 1024;

/**
 * One TCP connection of the proxy, with half-close, on virtual time. [E] connection_impl.cc
 *
 * What is written reaches the peer in an event of its own. The order of the last two events tells who closed: a connection on
 * which both sides sent FIN ends as "remote" when the last thing was to read one, as "local" when it was to write one.
 */
export abstract class TcpSocket implements TcpConnection {
  /** Bytes that were read and not yet taken. */
  readonly readBuffer = new BodyBuffer();
  readEnded = false;
  closedBy: ClosedBy | undefined = undefined;
  protected readonly clock: Clock;
  private readonly _limit: number;
  /** What the peer sent and nobody has read: the kernel's buffer. */
  private readonly _unread = new BodyBuffer();
  private _unreadEnd = false;
  private _unreadReset = false;
  private _paused = false;
  private _readDue = false;
  private readonly _writeBuffer = new BodyBuffer();
  private _writeEnded = false;
  private _endSent = false;
  private _flushDue = false;
  private _closing = false;

  /** @param bufferLimit Bytes that may wait in `readBuffer` before reading stops. */
  constructor(clock: Clock, bufferLimit = defaultBufferLimit) {
    this.clock = clock;
    this._limit = bufferLimit;
  }

  protected abstract get peer(): TcpPeer;
  /** Something was read, or the peer's FIN. What is not taken from `readBuffer` is there again the next time. */
  protected abstract onRead(): void;
  /** Before bytes are written; false: not now. Those that are to be written must be left in `data`. */
  protected abstract onWrite(data: BodyBuffer, endOfStream: boolean): boolean;
  protected abstract onClosed(by: ClosedBy): void;

  get isOpen(): boolean {
    return this.closedBy === undefined && !this._closing;
  }

  data(bytes: Uint8Array): void {
    if (this.closedBy !== undefined || this._unreadEnd) return;
    this._unread.append(bytes);
    this._read(false);
  }

  end(bytes: Uint8Array = noBytes): void {
    if (this.closedBy !== undefined || this._unreadEnd) return;
    this._unread.append(bytes);
    this._unreadEnd = true;
    this._read(false);
  }

  /** What came before and nobody has read is lost. A connection that does not read takes no notice. */
  reset(): void {
    if (this.closedBy !== undefined) return;
    this._unread.clear();
    this._unreadReset = true;
    this._read(false);
  }

  pauseReading(): void {
    this._paused = true;
  }

  resumeReading(): void {
    this._paused = false;
    if (this.readBuffer.size > 0) this._readLater();
    else this.readMore();
  }

  write(data: BodyBuffer, endOfStream: boolean): void {
    if (this._writeEnded || !this.isOpen) return;
    if (!this.onWrite(data, endOfStream)) return;
    this._writeEnded = endOfStream;
    if (data.size === 0 && !endOfStream) return;
    this._writeBuffer.take(data);
    this._flushLater();
  }

  /** Ends the connection: at once, or with `flush` when everything that was written has left. */
  close(flush: boolean): void {
    if (this.closedBy !== undefined) return;
    if (this._writeBuffer.size > 0) {
      if (flush) {
        this._closing = true;
        return;
      }
      this._send();
      if (this.closedBy !== undefined) return; // the peer answered with a reset
    }
    this._close("local");
  }

  private _read(forced: boolean): void {
    if (!this.isOpen || this._paused) return;
    if (this._unreadReset) return this._close("remote");
    const before = this.readBuffer.size;
    while (this._unread.size > 0 && this.readBuffer.size < this._limit) {
      const part = this._unread.bytes(0, readSize);
      this._unread.drain(part.length);
      this.readBuffer.append(part);
    }
    const ends = this._unreadEnd && this._unread.size === 0 && !this.readEnded;
    if (this.readBuffer.size === before && !ends && !(forced && before > 0)) return;
    this.readEnded ||= ends;
    this.onRead();
    if (this.closedBy !== undefined) return;
    if (this._bothEnded) this._close("remote");
    else this.readMore();
  }

  /** Looks again, in an event of its own, at what waits to be read; not while the buffer is full. */
  protected readMore(): void {
    const waits = this._unread.size > 0 || this._unreadEnd !== this.readEnded || this._unreadReset;
    if (this._readDue || !waits || this.readBuffer.size >= this._limit) return;
    this._readLater();
  }

  private _readLater(): void {
    if (this._readDue) return;
    this._readDue = true;
    this.clock.schedule(0, () => {
      this._readDue = false;
      this._read(true);
    });
  }

  private _flushLater(): void {
    if (this._flushDue) return;
    this._flushDue = true;
    this.clock.schedule(0, () => {
      this._flushDue = false;
      if (this.closedBy !== undefined) return;
      this._send();
      if (this.closedBy === undefined && (this._closing || this._bothEnded)) this._close("local");
    });
  }

  private _send(): void {
    const bytes = this._writeBuffer.whole();
    this._writeBuffer.clear();
    if (bytes.length > 0) this.peer.data(bytes);
    if (!this._writeEnded || this._endSent || this.closedBy !== undefined) return;
    this._endSent = true;
    this.peer.end();
  }

  private get _bothEnded(): boolean {
    return this.readEnded && this._writeEnded && this._writeBuffer.size === 0;
  }

  private _close(by: ClosedBy): void {
    this.closedBy = by;
    this.onClosed(by);
    this.peer.closed();
  }
}
