import type { Draw } from "../generate/draw.js";

/** What a text is changed with. */
export interface Letters {
  /** Characters that the module compares with; may be empty. */
  readonly characters: readonly string[];
  /** Numbers that the module compares with, as they are written; may be empty. */
  readonly numbers: readonly string[];
  /** Whole words for this kind of text. */
  readonly words: readonly string[];
  /** Any byte may stand in it, not only visible ones. */
  readonly anyByte?: boolean;
}

/** Longer texts are cut: what grows for ever is no news. */
const longest = 8192;

/** A text like the given one, each character a byte: a character changed, put in, left out, a word, a number, a part twice. */
export function mutateText(draw: Draw, text: string, letters: Letters): string {
  // what is at the front decides first, so it is changed more often in a long text
  const place = (length = text.length + 1): number => draw.below(draw.once(2) ? 1 + draw.below(length) : length);
  const cut = (from: number, to: number, by: string): string => text.slice(0, from) + by + text.slice(to);
  switch (draw.below(13)) {
    case 0:
    case 1:
    case 2: {
      if (text === "") return character(draw, letters);
      const at = place(text.length);
      return cut(at, at + 1, character(draw, letters));
    }
    // scanners go on where they stopped: behind the last character more often than elsewhere
    case 3:
    case 4:
    case 5:
      return clipped(text + character(draw, letters));
    case 6: {
      const at = place();
      return clipped(cut(at, at, character(draw, letters)));
    }
    case 7: {
      const at = place();
      return cut(at, draw.once(2) ? at + 1 : at + draw.below(9), "");
    }
    case 8:
    case 9:
      return letters.words.length === 0 ? text : draw.pick(letters.words);
    case 10: {
      if (letters.words.length === 0) return text;
      const at = draw.once(2) ? text.length : place();
      return clipped(cut(at, at, draw.pick(letters.words)));
    }
    case 11:
      return clipped(withOtherNumber(draw, text, letters));
    default: {
      const [from, at] = [place(), place()];
      return clipped(cut(at, at, text.slice(from, from + draw.between(1, 8))));
    }
  }
}

const clipped = (text: string): string => (text.length > longest ? text.slice(0, longest) : text);

function character(draw: Draw, { characters, anyByte = false }: Letters): string {
  if (characters.length > 0 && draw.once(2)) return draw.pick(characters);
  if (anyByte && draw.once(4)) return String.fromCharCode(draw.below(256));
  return String.fromCharCode(draw.between(0x20, 0x7e));
}

const edges = ["0", "-1", "127", "128", "255", "256", "65535", "65536", "2147483647", "4294967295", "4294967296"];

/** The first number of the text made another; one at its end where it has none. */
function withOtherNumber(draw: Draw, text: string, { numbers }: Letters): string {
  const found = /\d+/.exec(text);
  const hint = numbers.length > 0 && draw.once(2) ? draw.pick(numbers) : draw.pick(edges);
  if (found === null) return text + hint;
  const number = Number(found[0].slice(-15));
  const others = [String(number + 1), String(Math.max(0, number - 1)), String(number * 2), hint, hint, hint];
  return text.slice(0, found.index) + draw.pick(others) + text.slice(found.index + found[0].length);
}
