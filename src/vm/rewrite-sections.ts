import { concat } from "../abi/bytes.js";
import { BinaryReader } from "./binary.js";
import { unsigned } from "./module-writer.js";

/** A number as modules have it. */
export const leb = (value: number): Uint8Array => new Uint8Array(unsigned(value));

/** Gives a section's content anew, from the old one. */
export type Rewriter = (content: Uint8Array) => Uint8Array;

/**
 * The same module with some of its sections, by their ids, written anew.
 *
 * `shift`: by how much what lies behind the last of them is further on than in the original.
 */
export function rewriteSections(
  bytes: Uint8Array,
  rewriters: ReadonlyMap<number, Rewriter>,
): { readonly bytes: Uint8Array; readonly shift: number } {
  const parts: Uint8Array[] = [];
  const reader = new BinaryReader(bytes, 8);
  let kept = 0;
  while (!reader.done) {
    const start = reader.at;
    const id = reader.u8("section id");
    const size = reader.leb("section size");
    const body = reader.at;
    const rewrite = rewriters.get(id);
    if (rewrite !== undefined) {
      const content = rewrite(bytes.subarray(body, body + size));
      parts.push(bytes.subarray(kept, start), new Uint8Array([id]), leb(content.length), content);
      kept = body + size;
    }
    reader.skip(size, "section");
  }
  if (parts.length === 0) return { bytes, shift: 0 };
  const whole = concat([...parts, bytes.subarray(kept)]);
  return { bytes: whole, shift: whole.length - bytes.length };
}
