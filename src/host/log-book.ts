import { textOf } from "../abi/bytes.js";
import type { LogLevel, LogLevelName } from "../abi/enums.js";
import { logLevelNames } from "../abi/enums.js";
import { limits } from "../abi/limits.js";
import type { GuestMemory } from "../vm/memory.js";

/** Where a line came from: `proxy_log`, a WASI write, or the host itself (traps, refused calls). */
export type LogSource = "guest" | "stdout" | "stderr" | "host";
const sources: readonly LogSource[] = ["guest", "stdout", "stderr", "host"];

/** One line of the log. Its text is decoded when somebody looks: most lines are never looked at. */
export class LogRecord {
  readonly level: LogLevel;
  readonly source: LogSource;
  /** Context that logged; 0 is the VM itself. */
  readonly contextId: number;
  /** What Envoy puts between `wasm log` and the colon: ` name root_id vm_id`, without the empty ones. */
  readonly prefix: string;
  /** The bytes that were logged. */
  readonly bytes: Uint8Array;

  constructor(level: LogLevel, source: LogSource, contextId: number, prefix: string, bytes: Uint8Array) {
    this.level = level;
    this.source = source;
    this.contextId = contextId;
    this.prefix = prefix;
    this.bytes = bytes;
  }

  /** The message as text, UTF-8 with broken sequences shown as U+FFFD. */
  get message(): string {
    return textOf(this.bytes);
  }

  get levelName(): LogLevelName {
    return logLevelNames[this.level];
  }

  /** The line as Envoy prints it after its own time, thread and level: `wasm log p r: message`. */
  get line(): string {
    return this.source === "host" ? this.message : `wasm log${this.prefix}: ${this.message}`;
  }

  toString(): string {
    return `[${this.levelName}] ${this.line}`;
  }
}

/** Bytes of text that a book begins with. */
const firstBytes = 64 * 1024;
/** Numbers kept of each line: level and source, context id, prefix, and where its text begins. */
const width = 4;

/**
 * The log of a process: all its VMs write into one book, in order.
 *
 * Lines are numbers and bytes in two arrays, for logging is the commonest of all hostcalls; records are made when somebody
 * reads. Each line has a number of its own, counted from 0 and never used again.
 */
export class LogBook {
  private texts = new DataView(new ArrayBuffer(firstBytes));
  private meta = new Int32Array(256 * width);
  private lines = 0;
  private used = 0;
  /** Number of the first line that is kept. */
  private first = 0;
  private readonly prefixes: string[] = [];
  private readonly prefixIds = new Map<string, number>();
  /** Records of the lines from `first` on, made so far. */
  private made: LogRecord[] = [];
  /** Lines dropped because of `limits.logRecords` or `limits.logBytes`. */
  dropped = 0;

  /** Lines kept now. */
  get length(): number {
    return this.lines;
  }

  /** The number that the next line gets. */
  get next(): number {
    return this.first + this.lines;
  }

  /** The lines kept now, oldest first. */
  get records(): readonly LogRecord[] {
    for (let i = this.made.length; i < this.lines; i++) this.made.push(this.make(i));
    return this.made.slice();
  }

  /** The lines from that number on, up to the one of another number. */
  since(line: number, before = this.next): readonly LogRecord[] {
    const found: LogRecord[] = [];
    for (let i = Math.max(line, this.first); i < Math.min(before, this.next); i++) found.push(this.record(i)!);
    return found;
  }

  /** The line of that number, or undefined when it is kept no longer. */
  record(line: number): LogRecord | undefined {
    const at = line - this.first;
    return at >= 0 && at < this.lines ? (this.made[at] ?? this.make(at)) : undefined;
  }

  /** A small number for a prefix, which `log` takes instead of it. */
  prefixId(prefix: string): number {
    let id = this.prefixIds.get(prefix);
    if (id === undefined) {
      id = this.prefixes.push(prefix) - 1;
      this.prefixIds.set(prefix, id);
    }
    return id;
  }

  /** Copies a text from a guest to where the next line's goes; it is no line before `log`. Gives its size. */
  takeText(memory: GuestMemory, address: number, size: number): number {
    const length = size >>> 0;
    if (this.used + length > this.texts.byteLength) {
      memory.check(address, length); // before there is room for 4 GB that the guest does not have
      this.growTexts(length);
    }
    memory.copyInto(address, length, this.texts, this.used);
    return length;
  }

  /** Makes a line of the `length` bytes that were taken last. */
  log(level: LogLevel, source: number, contextId: number, prefixId: number, length: number): void {
    let at = this.lines * width;
    if (at === this.meta.length) this.growMeta();
    const { meta } = this;
    meta[at++] = level | (source << 4);
    meta[at++] = contextId;
    meta[at++] = prefixId;
    meta[at] = this.used;
    this.used += length;
    this.lines++;
    if (this.lines > limits.logRecords || this.used > limits.logBytes) this.dropOlder();
  }

  /** A line of the host's own, or of WASI. */
  write(level: LogLevel, source: LogSource, contextId: number, prefix: string, text: Uint8Array): void {
    if (this.used + text.length > this.texts.byteLength) this.growTexts(text.length);
    new Uint8Array(this.texts.buffer).set(text, this.used);
    this.log(level, sources.indexOf(source), contextId, this.prefixId(prefix), text.length);
  }

  /** Forgets all lines; records that somebody holds stay readable. */
  clear(): void {
    this.first += this.lines;
    // their texts are in the array: it is left to them
    if (this.made.length > 0) this.texts = new DataView(new ArrayBuffer(firstBytes));
    this.lines = this.used = this.dropped = 0;
    this.made = [];
  }

  /** Forgets what came after the book had `length` lines: a snapshot goes back to there. */
  truncate(length: number): void {
    if (length >= this.lines) return;
    if (this.made.length > length) {
      this.texts = new DataView(this.texts.buffer.slice(0));
      this.made.length = length;
    }
    this.used = this.meta[length * width + 3]!;
    this.lines = length;
  }

  private make(at: number): LogRecord {
    const { meta } = this;
    const i = at * width;
    const end = at + 1 < this.lines ? meta[i + width + 3]! : this.used;
    const kind = meta[i]!;
    const bytes = new Uint8Array(this.texts.buffer, meta[i + 3], end - meta[i + 3]!);
    const level = (kind & 15) as LogLevel;
    return new LogRecord(level, sources[kind >> 4]!, meta[i + 1]!, this.prefixes[meta[i + 2]!]!, bytes);
  }

  private growTexts(more: number): void {
    let size = this.texts.byteLength;
    while (size < this.used + more) size *= 2;
    const texts = new Uint8Array(size);
    texts.set(new Uint8Array(this.texts.buffer, 0, this.used));
    this.texts = new DataView(texts.buffer);
  }

  private growMeta(): void {
    const meta = new Int32Array(this.meta.length * 2);
    meta.set(this.meta);
    this.meta = meta;
  }

  /** Drops the older half, so that dropping is rare. */
  private dropOlder(): void {
    const half = Math.ceil(this.lines / 2);
    const kept = this.records.slice(half);
    const dropped = this.dropped + half;
    const first = this.first + half;
    this.clear();
    this.texts = new DataView(new ArrayBuffer(firstBytes));
    for (const { level, source, contextId, prefix, bytes } of kept) this.write(level, source, contextId, prefix, bytes);
    this.first = first;
    this.dropped = dropped;
  }
}
