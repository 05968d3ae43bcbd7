import { concat } from "../../abi/bytes.js";

/** Bytes before each message: flags, then its length in four bytes, the high one first. */
const headerSize = 5;
const compressed = 1;

/** A message with the header that gRPC puts before it. */
export function frameMessage(message: Uint8Array): Uint8Array {
  const frame = new Uint8Array(headerSize + message.length);
  new DataView(frame.buffer).setUint32(1, message.length);
  frame.set(message, headerSize);
  return frame;
}

/** Finds messages in the data of a stream, however they are cut. [E] Grpc::Decoder */
export class MessageReader {
  private _rest: Uint8Array[] = [];
  private _size = 0;
  /** Bytes to wait for: a header, or a header and its message. */
  private _wanted = headerSize;

  /** The messages that are whole now. `broken`: what comes after them cannot be read, or is compressed, which Envoy refuses. */
  read(bytes: Uint8Array): { readonly messages: readonly Uint8Array[]; readonly broken: boolean } {
    if (bytes.length > 0) this._rest.push(bytes);
    this._size += bytes.length;
    const messages: Uint8Array[] = [];
    if (this._size < this._wanted) return { messages, broken: false };
    const whole = this._rest.length === 1 ? this._rest[0]! : concat(this._rest);
    const view = new DataView(whole.buffer, whole.byteOffset, whole.byteLength);
    let at = 0;
    let isCompressed = false;
    this._wanted = headerSize;
    while (whole.length - at >= headerSize) {
      const flags = whole[at]!;
      if (flags > compressed) return { messages: [], broken: true }; // [E] not even those before it are delivered
      const length = view.getUint32(at + 1);
      this._wanted = headerSize + length;
      if (whole.length - at < this._wanted) break;
      isCompressed ||= flags === compressed && length > 0;
      if (!isCompressed) messages.push(whole.subarray(at + headerSize, at + this._wanted));
      at += this._wanted;
      this._wanted = headerSize;
    }
    this._rest = at < whole.length ? [whole.subarray(at)] : [];
    this._size = whole.length - at;
    return { messages, broken: isCompressed };
  }
}
