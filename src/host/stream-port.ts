import type { ByteString } from "../abi/bytes.js";
import type { MapType, Status, StreamType } from "../abi/enums.js";
import type { Pair } from "../abi/pairs.js";

/** A header map as hostcalls use it. Names are given in lower case. */
export interface Fields {
  /** Entries, repeated names counted each time. */
  readonly count: number;
  /** Bytes of all names and values. */
  readonly byteSize: number;
  /** The first value of a name. */
  first(name: ByteString): ByteString | undefined;
  /** All entries in the ABI's pairs format, in order. The caller only reads it. */
  encoded(): Uint8Array;
  add(name: ByteString, value: ByteString): void;
  replace(name: ByteString, value: ByteString): void;
  remove(name: ByteString): void;
  /** Removes every entry, then adds these in order. */
  assign(pairs: readonly Pair[]): void;
}

/** Bytes that a guest can look at, and perhaps change. */
export interface BufferPort {
  readonly size: number;
  /** A copy of at most `max` bytes from `start`; fewer, or none, where the buffer ends. */
  bytes(start: number, max: number): Uint8Array;
  /** Replaces `size` bytes at `start` by `data`; false when this is not allowed. Absent: never allowed. */
  splice?(start: number, size: number, data: Uint8Array): boolean;
}

export interface LocalResponse {
  readonly status: number;
  readonly details: ByteString;
  readonly body: Uint8Array;
  readonly headers: readonly Pair[];
  /** -1: not given. */
  readonly grpcStatus: number;
}

/** A property's bytes, or why there are none. */
export type PropertyValue = ByteString | Uint8Array | Status;

/**
 * What hostcalls may do to the stream that a context stands for. A proxy implements it; `host` knows no proxy.
 *
 * Methods that move a stream (`continueStream`, `closeStream`, `sendLocalResponse`) are called after the guest has
 * returned, never while it runs; `late` tells that `ending` was true when the guest asked.
 */
export interface StreamPort {
  /** Is the stream being logged or destroyed? */
  readonly ending: boolean;
  /** `proxy_send_local_response` is answered with BAD_ARGUMENT now. Envoy never does. */
  readonly refusesReplies?: boolean;
  /** The map for reading, or the status that a read answers while there is none. */
  readFields(map: MapType): Fields | Status;
  /**
   * The map for `size` and writes, or the status they answer.
   *
   * @param isWrite Default true; false for `size`, which changes nothing.
   */
  writeFields(map: MapType, isWrite?: boolean): Fields | Status;
  /** The map for `get pairs`: none is an empty list. */
  listFields(map: MapType): Fields | undefined;
  buffer(type: number): BufferPort;
  continueStream(type: StreamType, late: boolean): void;
  closeStream(type: StreamType, late: boolean): void;
  /** The guest asked to continue: what it can see changes at once, the stream moves later. */
  noteContinue(type: StreamType): void;
  /** The guest asked to close: the reason can be read at once, the stream ends later. */
  noteClose(type: StreamType): void;
  sendLocalResponse(response: LocalResponse, late: boolean): void;
  property(segments: readonly ByteString[]): PropertyValue;
  setProperty(path: ByteString, value: Uint8Array): Status;
  clearRouteCache(): void;
  /** The plugin ends: nobody will complete the stream. */
  abandon(): void;
}
