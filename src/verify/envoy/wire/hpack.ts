import { showText } from "../bytes.js";
import type { HeaderPairs } from "../recording.js";
import type { HeaderList } from "../scenario.js";
import { decodeHuffman, staticTable } from "./hpack-tables.js";

type Entry = readonly [name: Buffer, value: Buffer];

/** `latin1`: a character is a byte. `utf8`: text; what is not that is shown as `\\xHH`. */
export type TextEncoding = "utf8" | "latin1";

/** Every field as a literal without indexing and without Huffman coding: exactly the names and values given, in order. */
export function encodeFields(fields: HeaderList, encoding: TextEncoding = "utf8"): Buffer {
  return Buffer.concat(
    fields.flatMap(([name, value]) => [Buffer.of(0), encodeText(name, encoding), encodeText(value, encoding)]),
  );
}

function encodeText(text: string, encoding: TextEncoding): Buffer {
  const bytes = Buffer.from(text, encoding);
  return Buffer.concat([encodeInteger(bytes.length), bytes]);
}

/** With a prefix of seven bits, the eighth being 0. */
function encodeInteger(value: number): Buffer {
  if (value < 127) return Buffer.of(value);
  const bytes = [127];
  let left = value - 127;
  for (; left >= 128; left = Math.floor(left / 128)) bytes.push((left % 128) | 128);
  return Buffer.from([...bytes, left]);
}

/** Decodes header blocks of one connection, in order. */
export class HpackDecoder {
  readonly #dynamic: Entry[] = [];
  #size = 0;
  #limit = 4096;
  #at = 0;
  #bytes: Uint8Array = new Uint8Array();
  readonly #read: (bytes: Buffer) => string;

  constructor(encoding: TextEncoding = "utf8") {
    this.#read = encoding === "utf8" ? showText : (bytes) => bytes.toString("latin1");
  }

  decode(block: Uint8Array): HeaderPairs {
    this.#bytes = block;
    this.#at = 0;
    const fields: (readonly [string, string])[] = [];
    while (this.#at < block.length) {
      const first = block[this.#at] ?? 0;
      let entry: Entry;
      if (first & 0x80) entry = this.#entry(this.#integer(7));
      else if ((first & 0xe0) === 0x20) {
        this.#limit = this.#integer(5);
        this.#evict();
        continue;
      } else entry = this.#literal((first & 0x40) !== 0);
      fields.push([this.#read(entry[0]), this.#read(entry[1])]);
    }
    return fields;
  }

  #literal(indexed: boolean): Entry {
    const index = this.#integer(indexed ? 6 : 4);
    const entry: Entry = [index === 0 ? this.#text() : this.#entry(index)[0], this.#text()];
    if (indexed) {
      this.#dynamic.unshift(entry);
      this.#size += sizeOf(entry);
      this.#evict();
    }
    return entry;
  }

  #evict(): void {
    while (this.#size > this.#limit) this.#size -= sizeOf(this.#dynamic.pop() ?? [Buffer.alloc(0), Buffer.alloc(0)]);
  }

  #entry(index: number): Entry {
    const entry = index <= staticTable.length ? staticTable[index - 1] : this.#dynamic[index - staticTable.length - 1];
    if (entry === undefined) throw new Error(`There is no header field at index ${index}`);
    return entry;
  }

  #integer(prefix: number): number {
    const mask = 2 ** prefix - 1;
    let value = this.#byte() & mask;
    if (value < mask) return value;
    for (let factor = 1; ; factor *= 128) {
      const byte = this.#byte();
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
  }

  #text(): Buffer {
    const huffman = ((this.#bytes[this.#at] ?? 0) & 0x80) !== 0;
    const length = this.#integer(7);
    const bytes = this.#bytes.subarray(this.#at, this.#at + length);
    if (bytes.length < length) throw new Error("A header block ends in the middle of a text");
    this.#at += length;
    return huffman ? decodeHuffman(bytes) : Buffer.from(bytes);
  }

  #byte(): number {
    const byte = this.#bytes[this.#at++];
    if (byte === undefined) throw new Error("A header block ends in the middle of a number");
    return byte;
  }
}

const sizeOf = ([name, value]: Entry): number => name.length + value.length + 32;
