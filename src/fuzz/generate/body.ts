import type { Draw } from "./draw.js";
import type { Vocabulary } from "./vocabulary.js";
import { jsonNear, jsonOfSchema } from "./json-near.js";
import { bytesOf } from "./vocabulary.js";

/** The limit of a listener's buffer, 1 MiB: a body about this long meets the refusal of too much. */
const bufferLimit = 1 << 20;

/** Bodies: empty, JSON and things near it, binary, forms, multipart, compressed; up to 4 KiB, seldom over the proxy's limit. */
export function drawBody(draw: Draw, words: Vocabulary): Uint8Array {
  const { examples, schemas } = words;
  const given = examples.length + schemas.length;
  if (given > 0 && draw.once(2)) {
    const which = draw.below(given);
    const isExample = which < examples.length;
    const value = isExample ? examples[which] : jsonOfSchema(draw, schemas[which - examples.length]);
    return bytesOf(JSON.stringify(isExample || draw.once(3) ? jsonNear(draw, value) : value));
  }
  switch (draw.below(11)) {
    case 0:
    case 1:
    case 2:
      return bytesOf(drawJson(draw, words));
    case 3:
    case 4:
      return cut(draw, draw.once(2) ? bytesOf(drawJson(draw, words)) : draw.pick(words.bodies));
    case 5:
    case 6: {
      const bytes = new Uint8Array(draw.below(65));
      for (let i = 0; i < bytes.length; i++) bytes[i] = draw.below(256);
      return bytes;
    }
    case 7:
      return new Uint8Array(
        draw.once(120)
          ? draw.pick([bufferLimit - 1, bufferLimit, bufferLimit + 1, 70_000])
          : draw.below(draw.once(3) ? 4097 : 300),
      ).fill(97);
    default:
      return draw.pick(words.bodies);
  }
}

const cut = (draw: Draw, bytes: Uint8Array): Uint8Array => bytes.slice(0, draw.below(bytes.length + 1));

const scalars = ["null", "true", "false", "0", "-1", "1e21", "4294967296", '""', '"a"'];

/** JSON text, at most 3 deep. */
function drawJson(draw: Draw, words: Vocabulary, depth = 0): string {
  const kind = draw.below(depth > 2 ? 2 : 5);
  if (kind === 0) return draw.pick(scalars);
  if (kind === 1) return draw.once(3) ? String(draw.below(100_000)) : JSON.stringify(drawKey(draw, words));
  const parts = draw.list(draw.below(4), () =>
    kind === 2
      ? drawJson(draw, words, depth + 1)
      : `${JSON.stringify(drawKey(draw, words))}:${drawJson(draw, words, depth + 1)}`,
  );
  return kind === 2 ? `[${parts.join()}]` : `{${parts.join()}}`;
}

function drawKey(draw: Draw, { keys }: Vocabulary): string {
  if (!draw.once(4)) return draw.pick(keys);
  let text = "";
  for (let left = draw.below(6); left > 0; left--) text += String.fromCharCode(draw.between(0x20, 0x17f));
  return text;
}

/** The bytes in at most 8 pieces, none of them empty. */
export function drawPieces(draw: Draw, bytes: Uint8Array): readonly Uint8Array[] {
  if (bytes.length < 2 || draw.once(2)) return bytes.length === 0 ? [] : [bytes];
  return cutAt(
    bytes,
    draw.list(draw.between(1, 7), () => draw.between(1, bytes.length - 1)),
  );
}

/** The bytes in pieces that end at these places. */
export function cutAt(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const places = [...new Set([0, ...cuts, bytes.length])].filter((at) => at <= bytes.length).sort((a, b) => a - b);
  return places.slice(1).map((end, i) => bytes.subarray(places[i], end));
}
