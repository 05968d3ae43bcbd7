import { BinaryReader } from "./binary.js";
import { ByteSink } from "./byte-sink.js";
import { Control, readBlockType, skipImmediates } from "./instructions.js";
import type { FunctionType, Range } from "./module-types.js";
import { Op, emptyBlock, signed, unsigned } from "./module-writer.js";

/** Where a counter stands: at the entry of a function, at the head of a loop, or on another edge. */
export const CounterKind = { entry: 0, loop: 1, edge: 2 } as const;
export type CounterKind = (typeof CounterKind)[keyof typeof CounterKind];

/** Indexes of what the counters use; each counter has a global of its own, from the first on. */
export interface CounterIndexes {
  readonly firstGlobal: number;
  /** Takes a counter and how often it was passed, answers the count to ask at next; see `coverage.ts`. */
  readonly report: number;
}

/** V8 takes bodies of 7,654,321 bytes and 50,000 locals: what comes near is left as it is. */
const largestBody = 7_000_000;
const mostLoops = 40_000;

/** Bytes between a constant and the `select` that may take it. */
const selectReach = 16;

const select = 0x1b;
const localTee = 0x22;
const localSet = 0x21;
const i32 = 0x7f;

interface Block {
  /** Whether a branch to it carries no value. */
  readonly plain: boolean;
  readonly loop: boolean;
  /** An `if` whose `else` has not come. */
  awaitsElse: boolean;
  /** A `br_table` may end up behind it. */
  isTarget: boolean;
}

/** Puts counters into function bodies, one after the other. */
export class CounterWriter {
  /** By counter. */
  readonly kinds: CounterKind[] = [];
  /** Numbers that are compared with or chosen from, each once. */
  readonly compared = new Set<number | bigint>();
  /** Where stretches of the original begin: in the new content, and in the original file. */
  readonly stretches: { readonly at: number[]; readonly from: number[] } = { at: [], from: [] };
  private readonly _bytes: Uint8Array;
  private readonly _types: readonly (FunctionType | undefined)[];
  private readonly _indexes: CounterIndexes;
  private readonly _body = new ByteSink();
  /** Of the body under way: where its stretches begin in it. */
  private _stretches: { at: number; from: number }[] = [];
  private _loops = 0;
  private _firstLocal = 0;

  constructor(bytes: Uint8Array, types: readonly (FunctionType | undefined)[], indexes: CounterIndexes) {
    this._bytes = bytes;
    this._types = types;
    this._indexes = indexes;
  }

  /** Writes a body with its size: the same, with counters. */
  write(sink: ByteSink, range: Range, type: FunctionType): void {
    const counters = this.kinds.length;
    const code = new BinaryReader(this._bytes, range.start, range.end, "a function body");
    const groups = code.leb("the number of groups of locals");
    const groupsAt = code.at;
    let locals = type.params.length;
    for (let left = groups; left > 0; left--) {
      locals += code.leb("a number of locals");
      // the type of locals: one byte, or a reference to a heap type
      if ([0x63, 0x64].includes(code.u8("a type of locals"))) code.signedLeb64("a heap type");
    }
    const instructionsAt = code.at;
    this._firstLocal = locals;
    this._loops = 0;
    this._body.clear();
    this._stretches = [];
    this._instructions(code, type);
    const header = new ByteSink();
    header.push(unsigned(groups + (this._loops > 0 ? 1 : 0)));
    header.copy(this._bytes, groupsAt, instructionsAt);
    if (this._loops > 0) header.push([...unsigned(this._loops), i32]);
    const size = header.length + this._body.length;
    if (size > largestBody || this._loops > mostLoops) {
      this.kinds.length = counters;
      sink.push(unsigned(range.end - range.start));
      this._stretch(sink.length, range.start);
      sink.copy(this._bytes, range.start, range.end);
      return;
    }
    sink.push(unsigned(size));
    sink.append(header);
    for (const { at, from } of this._stretches) this._stretch(sink.length + at, from);
    sink.append(this._body);
  }

  private _stretch(at: number, from: number): void {
    this.stretches.at.push(at);
    this.stretches.from.push(from);
  }

  private _instructions(code: BinaryReader, type: FunctionType): void {
    const blocks: Block[] = [{ plain: type.results.length === 0, loop: false, awaitsElse: false, isTarget: false }];
    let copied = code.at;
    const flush = (to: number): void => {
      if (to > copied) {
        this._stretches.push({ at: this._body.length, from: copied });
        this._body.copy(this._bytes, copied, to);
      }
      copied = to;
    };
    const edgeHere = (): void => {
      flush(code.at);
      this._edge(CounterKind.edge);
    };
    this._edge(CounterKind.entry);
    let constant: number | bigint | undefined;
    /** The last constants and where they stand: a `select` that follows soon may choose between them. */
    let chosen: { readonly value: number; readonly at: number }[] = [];
    while (blocks.length > 0) {
      const at = code.at;
      const instruction = code.u8("an instruction");
      const before = constant;
      constant = undefined;
      switch (instruction) {
        case Control.block:
        case Control.try:
          blocks.push(this._block(code, false));
          break;
        case Control.tryTable:
          blocks.push(this._block(code, false));
          skipCatches(code);
          break;
        case Control.if: {
          const block = this._block(code, false);
          block.awaitsElse = true;
          blocks.push(block);
          edgeHere();
          break;
        }
        case Control.loop: {
          flush(at);
          const local = this._firstLocal + this._loops++;
          this._body.push([Op.i32Const, 0, localSet, ...unsigned(local)]);
          blocks.push(this._block(code, true));
          flush(code.at);
          this._loop(local);
          break;
        }
        case Control.else:
          blocks.at(-1)!.awaitsElse = false;
          edgeHere();
          break;
        case Control.catch:
          code.leb("a tag index");
          edgeHere();
          break;
        case Control.catchAll:
          edgeHere();
          break;
        case Control.delegate:
          code.leb("a label");
          blocks.pop();
          break;
        case Control.end: {
          const block = blocks.pop()!;
          if (block.awaitsElse) {
            flush(at);
            this._body.push([Control.else]);
            this._edge(CounterKind.edge);
          }
          if (block.isTarget && !block.loop && blocks.length > 0) edgeHere();
          break;
        }
        case Control.brIf: {
          const label = code.leb("a label");
          // a branch with values leaves them where it is not taken: that one is counted there alone
          if (blocks.at(-1 - label)?.plain === true) {
            flush(at);
            this._body.push([Op.if, emptyBlock]);
            this._edge(CounterKind.edge);
            this._body.push([Control.br, ...unsigned(label + 1), Op.end]);
            copied = code.at;
          }
          edgeHere();
          break;
        }
        case Control.brTable:
          for (let left = code.leb("the number of labels") + 1; left > 0; left--) {
            const target = blocks.at(-1 - code.leb("a label"));
            if (target !== undefined) target.isTarget = true;
          }
          break;
        case Op.i32Const:
          constant = code.signedLeb("an i32.const");
          chosen = [...chosen.slice(-3), { value: constant, at }];
          break;
        case 0x42:
          constant = code.signedLeb64("an i64.const");
          break;
        default:
          skipImmediates(code, instruction);
          if (before !== undefined && comparing(instruction)) this.compared.add(before);
          if (instruction === select) {
            for (const one of chosen) if (at - one.at < selectReach) this.compared.add(one.value);
          }
      }
    }
    flush(code.at);
    if (!code.done) throw code.invalid("a function body", "it goes on behind its end");
  }

  private _block(code: BinaryReader, loop: boolean): Block {
    const { index, one } = readBlockType(code);
    const type = this._types[index];
    const plain = index < 0 ? loop || !one : type !== undefined && (loop ? type.params : type.results).length === 0;
    return { plain, loop, awaitsElse: false, isTarget: false };
  }

  /** `if (global) global = report(counter, 1)`: 1 until it was passed, 0 from then on. */
  private _edge(kind: CounterKind): void {
    const counter = this.kinds.length;
    this.kinds.push(kind);
    const global = unsigned(this._indexes.firstGlobal + counter);
    this._body.push([Op.globalGet, ...global, Op.if, emptyBlock, Op.i32Const, ...signed(counter), Op.i32Const, 1]);
    this._body.push([Op.call, ...unsigned(this._indexes.report), Op.globalSet, ...global, Op.end]);
  }

  /** `if (++local == global) global = report(counter, local)`: rounds of this one run of the loop. */
  private _loop(local: number): void {
    const counter = this.kinds.length;
    this.kinds.push(CounterKind.loop);
    const global = unsigned(this._indexes.firstGlobal + counter);
    const rounds = unsigned(local);
    this._body.push([Op.localGet, ...rounds, Op.i32Const, 1, Op.i32Add, localTee, ...rounds, Op.globalGet, ...global]);
    this._body.push([Op.i32Eq, Op.if, emptyBlock, Op.i32Const, ...signed(counter), Op.localGet, ...rounds]);
    this._body.push([Op.call, ...unsigned(this._indexes.report), Op.globalSet, ...global, Op.end]);
  }
}

/** i32 and i64: eq, ne and the orders; xor, of which optimizers make comparisons. */
const comparing = (instruction: number): boolean =>
  (instruction >= 0x46 && instruction <= 0x4f) ||
  (instruction >= 0x51 && instruction <= 0x5a) ||
  instruction === 0x73 ||
  instruction === 0x85;

/** Each: a kind, the tag of the first two kinds, and a label. */
function skipCatches(code: BinaryReader): void {
  for (let left = code.leb("the number of catch clauses"); left > 0; left--) {
    if (code.u8("the kind of a catch clause") <= 1) code.leb("a tag index");
    code.leb("a label");
  }
}
