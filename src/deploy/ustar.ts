import { concat } from "../abi/bytes.js";

const block = 512;

/** An archive of POSIX's ustar with one file, mode 0644, owner 0, time 0: the same input gives the same bytes. */
export function ustar(name: string, content: Uint8Array): Uint8Array {
  const header = new Uint8Array(block);
  const text = (at: number, value: string): void => void header.set(new TextEncoder().encode(value), at);
  const octal = (at: number, digits: number, value: number): void => text(at, value.toString(8).padStart(digits, "0"));
  text(0, name);
  octal(100, 7, 0o644);
  octal(108, 7, 0); // owner
  octal(116, 7, 0); // group
  octal(124, 11, content.length);
  octal(136, 11, 0); // time
  text(148, "        "); // the sum counts its own field as spaces
  text(156, "0"); // a file
  text(257, "ustar\u000000");
  octal(329, 7, 0);
  octal(337, 7, 0);
  const sum = header.reduce((total, byte) => total + byte, 0);
  text(148, `${sum.toString(8).padStart(6, "0")}\0 `);
  const padding = new Uint8Array((block - (content.length % block)) % block);
  return concat([header, content, padding, new Uint8Array(2 * block)]);
}
