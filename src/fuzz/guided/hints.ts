import type { Vocabulary } from "../generate/vocabulary.js";
import type { MutationHints } from "./mutate.js";

/** Numbers that are kept: a large module compares with thousands, most of them of its runtime. */
const mostNumbers = 512;

/**
 * What the numbers say that a module compares with: characters and numbers to put into texts. The vocabulary learns them too,
 * and texts of which a machine compares four or eight bytes at once.
 */
export function learnCompared(
  compared: readonly (number | bigint)[],
  words: Vocabulary,
): Pick<MutationHints, "characters" | "numbers"> {
  const characters = new Set<string>();
  const numbers: string[] = [];
  for (const one of compared) {
    const number = BigInt(one);
    if (number >= 0x21n && number <= 0x7en) characters.add(String.fromCharCode(Number(number)));
    if (number < 10n || numbers.length >= mostNumbers) continue;
    numbers.push(String(number));
    words.learnValue(String(number));
    const text = littleEndian(number);
    if (text !== undefined) words.learn(text);
  }
  return { characters: [...characters], numbers };
}

/** The bytes of a number as memory holds them, where each of them is a visible character. */
function littleEndian(number: bigint): string | undefined {
  let text = "";
  for (let rest = number; rest > 0n; rest >>= 8n) text += String.fromCharCode(Number(rest & 0xffn));
  return text.length > 1 && /^[\x20-\x7e]+$/.test(text) ? text : undefined;
}
