import type { HeaderLine } from "../case.js";
import type { Draw } from "./draw.js";
import type { Vocabulary } from "./vocabulary.js";
import { isFraming } from "./vocabulary.js";

const tokenCharacters = "abcdefghijklmnopqrstuvwxyz0123456789-_.!#$%&'*+^`|~";

/** RFC 9110 token in lower case, as names of headers are after the codec. */
export function drawToken(draw: Draw): string {
  let text = "";
  for (let left = 1 + draw.below(draw.once(8) ? 24 : 6); left > 0; left--) {
    text += tokenCharacters[draw.below(tokenCharacters.length)]!;
  }
  return text;
}

/** A name that a client may choose: none of framing. */
export function drawName(draw: Draw, { names }: Vocabulary): string {
  if (!draw.once(6)) return draw.pick(names);
  const name = drawToken(draw);
  return isFraming(name) ? "x" : name;
}

/** Visible ASCII, now and then space, tab and obs-text. */
function drawText(draw: Draw, most: number): string {
  let text = "";
  for (let left = draw.below(most + 1); left > 0; left--) {
    const kind = draw.below(14);
    const code =
      kind === 0 ? (draw.once(2) ? 0x20 : 0x09) : kind === 1 ? draw.between(0x80, 0xff) : draw.between(0x21, 0x7e);
    text += String.fromCharCode(code);
  }
  return text;
}

/** RFC 9110 field-value: visible ASCII, spaces and tabs inside, obs-text; now and then long. */
export function drawValue(draw: Draw, { values }: Vocabulary): string {
  switch (draw.below(9)) {
    case 0:
      return trimmed(draw.pick(values) + drawText(draw, 6));
    case 1:
    case 2:
      return trimmed(drawText(draw, 40));
    case 3:
      return String(draw.below(draw.once(3) ? 2 ** 32 : 100_000));
    case 4: {
      const unit = draw.pick(["a", "%", "x,", "=", "("]);
      // up to the 60 KiB that a proxy takes for all headers
      return unit.repeat(draw.below(draw.once(32) ? (draw.once(6) ? 20_000 : 2000) : 40));
    }
    default:
      return draw.pick(values);
  }
}

const trimmed = (value: string): string => value.replace(/^[ \t]+|[ \t]+$/g, "");

/** Header lines in order; the same name may come twice. Mostly up to 6, seldom as many as a proxy takes. */
export function drawLines(draw: Draw, words: Vocabulary): HeaderLine[] {
  const count = draw.once(300) ? 80 : draw.below(7);
  const lines: HeaderLine[] = [];
  for (let i = 0; i < count; i++) {
    if (draw.once(10)) {
      lines.push(draw.pick(words.lines));
      continue;
    }
    const name = drawName(draw, words);
    lines.push([name, drawValue(draw, words)]);
    if (draw.once(7)) lines.push([name, drawValue(draw, words)]);
  }
  return lines;
}

/** A path with query: segments, escapes, empty segments, dots; begins with "/". */
export function drawPath(draw: Draw, words: Vocabulary): string {
  let path = "/";
  const segment = (): string => (draw.once(4) ? encodeURIComponent(drawToken(draw)) : draw.pick(words.segments));
  for (let left = draw.below(4), first = true; left > 0; left--, first = false) path += (first ? "" : "/") + segment();
  if (draw.once(2)) {
    let mark = "?";
    for (let left = draw.below(4); left > 0; left--) {
      path += mark + segment() + (draw.once(2) ? `=${segment()}` : "");
      mark = "&";
    }
    if (mark === "?") path += mark;
  }
  return path;
}

const authorities = ["example.com", "example.com:8080", "127.0.0.1", "[::1]:80", "EXAMPLE.com", "a.b.example.com"];

/** Host names, addresses, with and without port. */
export const drawAuthority = (draw: Draw): string =>
  draw.once(3) ? `${drawToken(draw).replace(/[^a-z0-9-]/g, "") || "h"}.test` : draw.pick(authorities);
