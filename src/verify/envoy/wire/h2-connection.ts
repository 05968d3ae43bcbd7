import type { HeaderPairs } from "../recording.js";
import type { HeaderList } from "../scenario.js";
import type { ByteStream } from "./byte-stream.js";
import {
  clientPreface,
  Flag,
  formatFrame,
  formatU32,
  type Frame,
  FrameType,
  parseFrameHead,
  unpadded,
} from "./h2-frames.js";
import { encodeFields, HpackDecoder, type TextEncoding } from "./hpack.js";

/** What a peer did that matters to an exchange. */
export type H2Event =
  | { readonly kind: "headers"; readonly stream: number; readonly fields: HeaderPairs; readonly last: boolean }
  | { readonly kind: "data"; readonly stream: number; readonly bytes: Buffer; readonly last: boolean }
  | { readonly kind: "metadata"; readonly stream: number; readonly fields: HeaderPairs }
  | { readonly kind: "reset"; readonly stream: number; readonly code: number }
  | { readonly kind: "goaway"; readonly code: number };

const initialWindow = 65_535;
const frameLimit = 16_384;
/** Our only setting: SETTINGS_ENABLE_METADATA, which peers that do not know it ignore. */
const metadataAllowed = Buffer.from("4d4400000001", "hex");

/**
 * Framing, HPACK and flow control of HTTP/2, and nothing that says what may be sent: a scenario may break every other rule.
 *
 * What is received is acknowledged at once, so that the peer is never held up.
 */
export class H2Connection {
  readonly #stream: ByteStream;
  readonly #encoding: TextEncoding;
  readonly #decoder: HpackDecoder;
  /** METADATA frames have a compression state of their own. */
  readonly #metadataDecoder: HpackDecoder;
  /** What may still be sent, on the connection (stream 0) and on each stream. */
  readonly #windows = new Map<number, number>([[0, initialWindow]]);
  readonly #waiting = new Set<() => void>();
  #peerInitialWindow = initialWindow;
  #peerFrameLimit = frameLimit;

  constructor(stream: ByteStream, side: "client" | "server", encoding: TextEncoding = "utf8") {
    this.#stream = stream;
    this.#encoding = encoding;
    this.#decoder = new HpackDecoder(encoding);
    this.#metadataDecoder = new HpackDecoder(encoding);
    if (side === "client") stream.write(clientPreface);
    stream.write(formatFrame(FrameType.Settings, 0, 0, metadataAllowed));
  }

  sendHeaders(stream: number, fields: HeaderList, last: boolean): void {
    const block = encodeFields(fields, this.#encoding);
    for (let at = 0; at === 0 || at < block.length; at += frameLimit) {
      const part = block.subarray(at, at + frameLimit);
      const flags = (at + frameLimit >= block.length ? Flag.EndHeaders : 0) | (at === 0 && last ? Flag.EndStream : 0);
      this.#stream.write(formatFrame(at === 0 ? FrameType.Headers : FrameType.Continuation, flags, stream, part));
    }
  }

  sendMetadata(stream: number, fields: HeaderList): void {
    this.#stream.write(formatFrame(FrameType.Metadata, Flag.EndHeaders, stream, encodeFields(fields, this.#encoding)));
  }

  /** Waits for the peer's window. False if the connection or the signal ended first. */
  async sendData(stream: number, bytes: Buffer, last: boolean, signal?: AbortSignal): Promise<boolean> {
    let at = 0;
    do {
      const room = Math.min(this.#window(stream), this.#window(0), this.#peerFrameLimit);
      if (room <= 0 && at < bytes.length) {
        if (this.#stream.end !== undefined || signal?.aborted) return false;
        await this.#windowChange(signal);
        continue;
      }
      const part = bytes.subarray(at, at + room);
      at += part.length;
      this.#grow(stream, -part.length);
      this.#grow(0, -part.length);
      const flags = last && at >= bytes.length ? Flag.EndStream : 0;
      if (!this.#stream.write(formatFrame(FrameType.Data, flags, stream, part))) return false;
    } while (at < bytes.length);
    return true;
  }

  reset(stream: number, code: number): void {
    this.#stream.write(formatFrame(FrameType.RstStream, 0, stream, formatU32(code)));
  }

  /** The next event. @throws {EndOfStream} */
  async next(): Promise<H2Event> {
    for (;;) {
      const event = this.#take(await this.#frame());
      if (event !== undefined) return event;
    }
  }

  async #frame(): Promise<Frame> {
    const { length, ...head } = parseFrameHead(await this.#stream.exactly(9));
    const frame = { ...head, payload: await this.#stream.exactly(length) };
    if (frame.type !== FrameType.Headers || frame.flags & Flag.EndHeaders) return frame;
    const parts = [unpadded(frame)];
    for (;;) {
      const more = parseFrameHead(await this.#stream.exactly(9));
      parts.push(await this.#stream.exactly(more.length));
      const flags = frame.flags & Flag.EndStream;
      if (more.flags & Flag.EndHeaders) return { ...frame, flags, payload: Buffer.concat(parts) };
    }
  }

  #take(frame: Frame): H2Event | undefined {
    const { type, flags, stream, payload } = frame;
    switch (type) {
      case FrameType.Headers: {
        const last = (flags & Flag.EndStream) !== 0;
        return { kind: "headers", stream, fields: this.#decoder.decode(unpadded(frame)), last };
      }
      case FrameType.Data:
        if (payload.length > 0) {
          this.#stream.write(formatFrame(FrameType.WindowUpdate, 0, 0, formatU32(payload.length)));
          if (!(flags & Flag.EndStream))
            this.#stream.write(formatFrame(FrameType.WindowUpdate, 0, stream, formatU32(payload.length)));
        }
        return { kind: "data", stream, bytes: unpadded(frame), last: (flags & Flag.EndStream) !== 0 };
      case FrameType.Metadata:
        return { kind: "metadata", stream, fields: this.#metadataDecoder.decode(payload) };
      case FrameType.RstStream:
        return { kind: "reset", stream, code: payload.readUInt32BE(0) };
      case FrameType.GoAway:
        return { kind: "goaway", code: payload.readUInt32BE(4) };
      case FrameType.Settings:
        if (!(flags & Flag.Ack)) this.#takeSettings(payload);
        return undefined;
      case FrameType.Ping:
        if (!(flags & Flag.Ack)) this.#stream.write(formatFrame(FrameType.Ping, Flag.Ack, 0, payload));
        return undefined;
      case FrameType.WindowUpdate:
        this.#grow(stream, payload.readUInt32BE(0));
        return undefined;
      default:
        return undefined;
    }
  }

  #takeSettings(payload: Buffer): void {
    for (let at = 0; at + 6 <= payload.length; at += 6) {
      const [name, value] = [payload.readUInt16BE(at), payload.readUInt32BE(at + 2)];
      if (name === 4) {
        const change = value - this.#peerInitialWindow;
        this.#peerInitialWindow = value;
        for (const stream of this.#windows.keys()) if (stream !== 0) this.#grow(stream, change);
      }
      if (name === 5) this.#peerFrameLimit = value;
    }
    this.#stream.write(formatFrame(FrameType.Settings, Flag.Ack, 0));
  }

  #window(stream: number): number {
    return this.#windows.get(stream) ?? this.#peerInitialWindow;
  }

  #grow(stream: number, by: number): void {
    this.#windows.set(stream, this.#window(stream) + by);
    if (by > 0) for (const wake of this.#waiting) wake();
  }

  async #windowChange(signal: AbortSignal | undefined): Promise<void> {
    await new Promise<void>((resolve) => {
      const wake = () => {
        this.#waiting.delete(wake);
        signal?.removeEventListener("abort", wake);
        resolve();
      };
      this.#waiting.add(wake);
      signal?.addEventListener("abort", wake);
    });
  }
}
