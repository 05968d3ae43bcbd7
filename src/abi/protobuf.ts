import type { ByteString } from "./bytes.js";
import { bytesOf, concat } from "./bytes.js";

/** Wire types of protobuf that are in use. */
export const WireType = { Varint: 0, Fixed64: 1, Bytes: 2, StartGroup: 3, EndGroup: 4, Fixed32: 5 } as const;

/**
 * Writes one protobuf message, field by field in the order of the calls; no field is left out for being its default.
 *
 * Texts are byte strings: `utf8ByteString` makes one of a text.
 */
export class MessageWriter {
  private readonly _parts: Uint8Array[] = [];

  /** int32, int64, uint32, uint64, bool, enum. */
  varint(field: number, value: number | bigint): this {
    return this._tag(field, WireType.Varint)._raw(varint(BigInt(value)));
  }

  double(field: number, value: number): this {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setFloat64(0, value, true);
    return this._tag(field, WireType.Fixed64)._raw(bytes);
  }

  /** string, bytes, or a message that is written already. */
  bytes(field: number, value: Uint8Array | ByteString): this {
    const bytes = typeof value === "string" ? bytesOf(value) : value;
    return this._tag(field, WireType.Bytes)
      ._raw(varint(BigInt(bytes.length)))
      ._raw(bytes);
  }

  finish(): Uint8Array {
    return concat(this._parts);
  }

  private _tag(field: number, type: number): this {
    return this._raw(varint(BigInt(field * 8 + type)));
  }

  private _raw(bytes: Uint8Array): this {
    this._parts.push(bytes);
    return this;
  }
}

/** A field as it stands in a message: varints as unsigned 64 bits, all else as bytes (fixed ones little-endian). */
export interface MessageField {
  readonly field: number;
  readonly type: number;
  readonly value: bigint | Uint8Array;
}

/** The fields of a message in their order; undefined when the bytes are none: cut off, field 0, a varint too long. */
export function messageFields(bytes: Uint8Array): readonly MessageField[] | undefined {
  const fields: MessageField[] = [];
  const reader = new Reader(bytes);
  while (!reader.atEnd) {
    const tag = reader.varint();
    if (tag === undefined || tag > 0xffff_ffffn) return undefined;
    const type = Number(tag & 7n);
    const field = Number(tag >> 3n);
    const value = field === 0 ? undefined : type === WireType.StartGroup ? reader.group(field) : reader.value(type);
    if (value === undefined) return undefined;
    fields.push({ field, type, value });
  }
  return fields;
}

/** Groups within each other that protobuf reads. */
const maxDepth = 100;

class Reader {
  private readonly _bytes: Uint8Array;
  private _at = 0;

  constructor(bytes: Uint8Array) {
    this._bytes = bytes;
  }

  get atEnd(): boolean {
    return this._at === this._bytes.length;
  }

  value(type: number): bigint | Uint8Array | undefined {
    switch (type) {
      case WireType.Varint:
        return this.varint();
      case WireType.Fixed64:
        return this._take(8);
      case WireType.Fixed32:
        return this._take(4);
      case WireType.Bytes: {
        const size = this.varint();
        return size === undefined || size > 0x7fff_ffffn ? undefined : this._take(Number(size));
      }
      default:
        return undefined;
    }
  }

  /** What stands in a group, up to the tag that ends it. */
  group(field: number): Uint8Array | undefined {
    const from = this._at;
    const open = [field];
    let end = from;
    while (open.length > 0) {
      end = this._at;
      const tag = this.varint();
      if (tag === undefined || tag > 0xffff_ffffn || tag < 8n || open.length > maxDepth) return undefined;
      const type = Number(tag & 7n);
      if (type === WireType.StartGroup) open.push(Number(tag >> 3n));
      else if (type === WireType.EndGroup) {
        if (open.pop() !== Number(tag >> 3n)) return undefined;
      } else if (this.value(type) === undefined) return undefined;
    }
    return this._bytes.subarray(from, end);
  }

  varint(): bigint | undefined {
    let value = 0n;
    for (let i = 0; i < 10; i++) {
      const byte = this._bytes[this._at++];
      if (byte === undefined) return undefined;
      value |= BigInt(byte & 0x7f) << BigInt(7 * i);
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    return undefined;
  }

  private _take(size: number): Uint8Array | undefined {
    const end = this._at + size;
    if (end > this._bytes.length) return undefined;
    const part = this._bytes.subarray(this._at, end);
    this._at = end;
    return part;
  }
}

/** Negative numbers take ten bytes, as protobuf's int64 does. */
function varint(value: bigint): Uint8Array {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, value);
  while (rest > 0x7fn) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return Uint8Array.from(bytes);
}
