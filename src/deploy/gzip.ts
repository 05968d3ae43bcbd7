import { crc32 } from "node:zlib";
import { concat } from "../abi/bytes.js";

const longest = 0xffff;

/**
 * A gzip file whose content is stored, not compressed: what a compressor makes of it differs between releases of zlib, and with it the
 * digest of an image would.
 */
export function storedGzip(content: Uint8Array): Uint8Array {
  const parts: Uint8Array[] = [Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff)];
  for (let at = 0; at === 0 || at < content.length; at += longest) {
    const piece = content.subarray(at, at + longest);
    const isLast = at + longest >= content.length;
    const header = Buffer.alloc(5);
    header[0] = isLast ? 1 : 0;
    header.writeUInt16LE(piece.length, 1);
    header.writeUInt16LE(~piece.length & longest, 3);
    parts.push(header, piece);
  }
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(crc32(content), 0);
  trailer.writeUInt32LE(content.length >>> 0, 4);
  return concat([...parts, trailer]);
}
