import { byteString, bytesOf } from "../../abi/bytes.js";
import type { FuzzCase, FuzzExchange, FuzzReply, FuzzRequest, HeaderLine } from "../case.js";
import { isLine, isPath } from "../field-rules.js";
import { cutAt, drawPieces } from "../generate/body.js";
import type { Draw } from "../generate/draw.js";
import { drawLines, drawName, drawPath, drawValue } from "../generate/fields.js";
import type { CaseSettings } from "../generate/messages.js";
import { drawCase, drawExchange, drawReply, drawRequest } from "../generate/messages.js";
import type { Vocabulary } from "../generate/vocabulary.js";
import type { Letters } from "./mutate-text.js";
import { mutateText } from "./mutate-text.js";

/** What cases are changed with. */
export interface MutationHints {
  readonly words: Vocabulary;
  /** Words of the module alone. */
  readonly own: readonly string[];
  /** Characters that the module compares with. */
  readonly characters: readonly string[];
  /** Numbers that it compares with, as they are written. */
  readonly numbers: readonly string[];
  readonly settings: CaseSettings;
}

/** A case may grow to this many exchanges. */
const mostExchanges = 8;
const mostLines = 40;

/** A case like the given one: mostly one thing is other, now and then some more. What it was made of is shared, not changed. */
export function mutateCase(draw: Draw, given: FuzzCase, hints: MutationHints): FuzzCase {
  // many rounds show whether memory grows, and cost as many cases: they are not inherited
  let made = mutateOnce(draw, { ...given, repeat: 1 }, hints);
  for (let more = 0; more < 4 && draw.once(3); more++) made = mutateOnce(draw, made, hints);
  return made;
}

/** The exchanges of both, one after the other: what the plugin remembers of the first meets the second. */
export function spliceCases(draw: Draw, one: FuzzCase, other: FuzzCase): FuzzCase {
  const [first, second] = draw.once(2) ? [one, other] : [other, one];
  return { ...one, exchanges: [...first.exchanges, ...second.exchanges].slice(0, mostExchanges) };
}

function mutateOnce(draw: Draw, given: FuzzCase, hints: MutationHints): FuzzCase {
  const { exchanges } = given;
  const at = draw.below(exchanges.length);
  const one = exchanges[at]!;
  const with_ = (other: FuzzExchange): FuzzCase => ({ ...given, exchanges: exchanges.with(at, other) });
  switch (draw.below(exchanges.length > 1 ? 20 : 18)) {
    case 0:
    case 1: {
      if (exchanges.length >= mostExchanges) return { ...given, exchanges: without(exchanges, at) };
      // the same again with something other, or one that has nothing to do with it
      const more = draw.once(3)
        ? drawExchange(draw, hints.words)
        : { ...one, request: mutateRequest(draw, one.request, hints) };
      return { ...given, exchanges: exchanges.toSpliced(draw.once(3) ? at : at + 1, 0, more) };
    }
    case 18:
    case 19:
      return { ...given, exchanges: without(exchanges, at) };
    case 2: {
      // what the host does is drawn as for a case that is new
      const { together, repeat, callReply, faults } = drawCase(draw, hints.words, hints.settings);
      const { exchanges: kept } = given;
      return { exchanges: kept, ...(together && { together }), repeat, callReply, ...(faults && { faults }) };
    }
    case 3:
    case 4:
      return with_({ ...one, reply: mutateReply(draw, one.reply, hints) });
    default:
      return with_({ ...one, request: mutateRequest(draw, one.request, hints) });
  }
}

const without = <T>(list: readonly T[], at: number): T[] => list.toSpliced(at, 1);

function mutateRequest(draw: Draw, given: FuzzRequest, hints: MutationHints): FuzzRequest {
  const { words } = hints;
  switch (draw.below(12)) {
    case 0:
    case 1: {
      const path = draw.once(6)
        ? drawPath(draw, words)
        : `/${mutateText(draw, given.path!.slice(1), { ...hints, words: words.segments })}`;
      return isPath(path) ? { ...given, path } : given;
    }
    case 2: {
      const { method, protocol, authority } = drawRequest(draw, words);
      const changed = draw.pick([{ method }, { protocol }, { authority }] as const);
      return { ...given, ...changed } as FuzzRequest;
    }
    case 3:
      return given.abortAfterMs === undefined && draw.once(3)
        ? { ...given, abortAfterMs: draw.below(30) }
        : stays(given);
    case 4:
    case 5:
      if (given.body !== undefined || draw.once(3)) return withBody(draw, given, hints);
  }
  return { ...given, headers: mutateLines(draw, given.headers, hints) };
}

/** The client stays until the end. */
function stays(given: FuzzRequest): FuzzRequest {
  const { abortAfterMs: _left, ...rest } = given;
  return rest;
}

function mutateReply(draw: Draw, given: FuzzReply, hints: MutationHints): FuzzReply {
  switch (draw.below(5)) {
    case 0:
      return drawReply(draw, hints.words);
    case 1:
      return { ...given, status: drawReply(draw, hints.words).status! };
    case 2:
      return given.status === 204 || given.status === 304 ? given : withBody(draw, given, hints);
    default:
      return { ...given, headers: mutateLines(draw, given.headers, hints) };
  }
}

/** Another body, or the same in other pieces; trailers go with a body that goes. */
function withBody<T extends FuzzRequest | FuzzReply>(draw: Draw, given: T, hints: MutationHints): T {
  const { body, trailers: _trailers, ...rest } = given;
  const whole = Buffer.concat(body ?? []);
  if (body !== undefined && draw.once(4)) return { ...given, body: drawPieces(draw, whole) };
  const bytes = bytesOf(mutateText(draw, byteString(whole), lettersOfBody(hints)));
  if (bytes.length === 0) return rest as unknown as T;
  const ends = (body ?? []).map((piece, i) => piece.length + Buffer.concat(body!.slice(0, i)).length);
  return { ...given, body: cutAt(bytes, ends.slice(0, -1)) };
}

const lettersOfBody = ({ own, characters, numbers }: MutationHints): Letters => ({
  characters,
  numbers,
  words: own,
  anyByte: true,
});

function mutateLines(draw: Draw, lines: readonly HeaderLine[], hints: MutationHints): readonly HeaderLine[] {
  const { words, own } = hints;
  if (lines.length === 0) return drawLines(draw, words);
  const at = draw.below(lines.length);
  const [name, value] = lines[at]!;
  switch (draw.below(14)) {
    case 0:
      return lines.length >= mostLines
        ? without(lines, at)
        : lines.toSpliced(at, 0, [drawName(draw, words), drawValue(draw, words)]);
    case 1:
      return without(lines, at);
    case 2: {
      const other = draw.once(2) ? drawName(draw, words) : mutateText(draw, name, { ...hints, words: words.names });
      return isLine(other, value) ? lines.with(at, [other, value]) : lines;
    }
    case 3:
      return lines.length >= mostLines ? lines : lines.toSpliced(draw.below(lines.length + 1), 0, [name, value]);
    case 4: {
      const from = draw.below(lines.length);
      return lines.with(at, lines[from]!).with(from, lines[at]!);
    }
    default: {
      const other = draw.once(8) ? drawValue(draw, words) : mutateText(draw, value, { ...hints, words: own });
      return isLine(name, other) ? lines.with(at, [name, other]) : lines;
    }
  }
}
