import { connect } from "node:net";
import { realTime, type Timeline } from "./pause.js";

/** Why there is nothing more to read: a FIN, a reset, or the reader's own time is up. */
export type StreamEnd = "fin" | "reset" | "timeout";

/** Thrown by every read that cannot be satisfied. */
export class EndOfStream extends Error {
  readonly end: StreamEnd;
  constructor(end: StreamEnd) {
    super(`The stream ended: ${end}`);
    this.end = end;
  }
}

/** What is used of a socket of `node:net`. */
export interface StreamSocket {
  readonly writable: boolean;
  setNoDelay(on: boolean): unknown;
  on(event: "data", listener: (data: Buffer) => void): unknown;
  on(event: "end" | "error" | "close", listener: () => void): unknown;
  write(bytes: Uint8Array | string): unknown;
  end(): unknown;
  destroy(): unknown;
  resetAndDestroy(): unknown;
}

/** Opens a connection to the one server there is. @throws if it is refused */
export type Dial = () => Promise<ByteStream>;

/** A socket as something to read from piece by piece; writing never throws. */
export class ByteStream {
  readonly socket: StreamSocket;
  /** Of whoever reads and writes here. */
  readonly time: Timeline;
  #buffer: Buffer = Buffer.alloc(0);
  #end: StreamEnd | undefined;
  #wake: (() => void) | undefined;
  /** Called once, when the stream ends. */
  onEnd: ((end: StreamEnd) => void) | undefined;

  constructor(socket: StreamSocket, time: Timeline = realTime) {
    this.socket = socket;
    this.time = time;
    socket.setNoDelay(true);
    socket.on("data", (data) => {
      this.#buffer = this.#buffer.length === 0 ? data : Buffer.concat([this.#buffer, data]);
      this.#wake?.();
    });
    socket.on("end", () => this.finish("fin"));
    socket.on("error", () => this.finish("reset"));
    socket.on("close", () => this.finish("fin"));
  }

  /** How the stream ended, once it did. */
  get end(): StreamEnd | undefined {
    return this.#end;
  }

  get buffered(): number {
    return this.#buffer.length;
  }

  /** Ends it from this side: whoever waits gets EndOfStream, what is buffered can still be read. */
  finish(end: StreamEnd): void {
    if (this.#end === undefined) {
      this.#end = end;
      this.onEnd?.(end);
    }
    this.#wake?.();
  }

  /** Waits for more bytes than there are. @throws {EndOfStream} */
  async more(): Promise<void> {
    const have = this.#buffer.length;
    while (this.#buffer.length === have) {
      if (this.#end !== undefined) throw new EndOfStream(this.#end);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
  }

  /** What there is, at most `limit` bytes; waits for the first one. @throws {EndOfStream} */
  async some(limit = Number.POSITIVE_INFINITY): Promise<Buffer> {
    if (this.#buffer.length === 0) await this.more();
    return this.#take(Math.min(limit, this.#buffer.length));
  }

  /** @throws {EndOfStream} if there will not be that many; what there is stays to be read. */
  async exactly(length: number): Promise<Buffer> {
    while (this.#buffer.length < length) await this.more();
    return this.#take(length);
  }

  /** The bytes before the next `mark`, which is skipped. @throws {EndOfStream} */
  async until(mark: string): Promise<Buffer> {
    let at: number;
    while ((at = this.#buffer.indexOf(mark)) < 0) await this.more();
    const before = this.#take(at);
    this.#take(mark.length);
    return before;
  }

  /** Everything buffered, which stays to be read. */
  peek(): Buffer {
    return this.#buffer;
  }

  /** Everything buffered, without waiting. */
  rest(): Buffer {
    return this.#take(this.#buffer.length);
  }

  /** Puts bytes back in front. */
  unread(bytes: Buffer): void {
    this.#buffer = Buffer.concat([bytes, this.#buffer]);
  }

  write(bytes: Uint8Array | string): boolean {
    if (!this.socket.writable || this.#end === "reset") return false;
    this.socket.write(bytes);
    return true;
  }

  #take(length: number): Buffer {
    const taken = this.#buffer.subarray(0, length);
    this.#buffer = this.#buffer.subarray(length);
    return taken;
  }
}

/** A connection to a port of this machine. @throws the socket's error if it is refused. */
export async function connectTo(port: number): Promise<ByteStream> {
  const socket = connect({ host: "127.0.0.1", port, allowHalfOpen: true });
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("error", reject);
  });
  return new ByteStream(socket);
}
