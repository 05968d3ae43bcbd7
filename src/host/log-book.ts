import { textOf } from "../abi/bytes.js";
import type { LogLevel, LogLevelName } from "../abi/enums.js";
import { logLevelNames } from "../abi/enums.js";
import { limits } from "../abi/limits.js";
import type { GuestMemory } from "../vm/memory.js";
import type { HostcallEvent, TracedFunction } from "./trace.js";

/** Where a line came from: `proxy_log`, a WASI write, or the host itself (traps, refused calls). */
export type LogSource = "guest" | "stdout" | "stderr" | "host";

const chunkSize = 64 * 1024;
const nobody = { id: 0, logPrefix: "" };

/** One line of the log. Its text is decoded when somebody looks: most lines are never looked at. */
export class LogRecord implements HostcallEvent {
  /** `proxy_log`, which sets this. */
  static hostcall: TracedFunction = { name: "proxy_log", params: {}, result: "status" };
  level: LogLevel = 2;
  source: LogSource = "guest";
  /** Who logged: a context, by the id and the prefix it has in logs. */
  context: { readonly id: number; readonly logPrefix: string } = nobody;
  private readonly _chunk: Uint8Array;
  private readonly _start: number;
  private readonly _length: number;

  constructor(chunk: Uint8Array, start: number, length: number) {
    this._chunk = chunk;
    this._start = start;
    this._length = length;
  }

  /** A record is the trace's event of its own hostcall: logging is the commonest of all. */
  get kind(): "hostcall" {
    return "hostcall";
  }
  get descriptor(): TracedFunction {
    return LogRecord.hostcall;
  }
  get args(): unknown {
    return { level: this.level, message: this };
  }
  get outcome(): unknown {
    return undefined;
  }
  get status(): number {
    return 0;
  }

  /** Context that logged; 0 is the VM itself. */
  get contextId(): number {
    return this.context.id;
  }

  /** What Envoy puts between `wasm log` and the colon: ` name root_id vm_id`, without the empty ones. */
  get prefix(): string {
    return this.context.logPrefix;
  }

  /** The bytes that were logged. */
  get bytes(): Uint8Array {
    return this._chunk.subarray(this._start, this._start + this._length);
  }

  /** The message as text, UTF-8 with broken sequences shown as U+FFFD. */
  get message(): string {
    return textOf(this.bytes);
  }

  get levelName(): LogLevelName {
    return logLevelNames[this.level];
  }

  get size(): number {
    return this._length;
  }

  /** The line as Envoy prints it after its own time, thread and level: `wasm log p r: message`. */
  get line(): string {
    return this.source === "host" ? this.message : `wasm log${this.prefix}: ${this.message}`;
  }

  toString(): string {
    return `[${this.levelName}] ${this.line}`;
  }
}

/** The log of a process: all its VMs write into one book, in order. */
export class LogBook {
  private _records: LogRecord[] = [];
  private _chunk = new Uint8Array(chunkSize);
  private _view = new DataView(this._chunk.buffer);
  private _used = 0;
  private _bytes = 0;
  /** Records dropped because of `limits.logRecords` or `limits.logBytes`. */
  dropped = 0;
  /** Called with each record as it is written. */
  onRecord: ((record: LogRecord) => void) | undefined;

  get records(): readonly LogRecord[] {
    return this._records;
  }

  get length(): number {
    return this._records.length;
  }

  /** A record whose text is copied from a guest; it is not in the book until `write`. */
  fromGuest(memory: GuestMemory, address: number, size: number): LogRecord {
    const length = size >>> 0;
    memory.check(address, length);
    const start = this._room(length);
    memory.copyInto(address, length, this._view, start);
    return new LogRecord(this._chunk, start, length);
  }

  fromBytes(bytes: Uint8Array): LogRecord {
    return new LogRecord(bytes, 0, bytes.length);
  }

  write(record: LogRecord): void {
    this._records.push(record);
    this._bytes += record.size;
    if (this._records.length > limits.logRecords || this._bytes > limits.logBytes) this._drop();
    this.onRecord?.(record);
  }

  /** Forgets all records; their texts stay readable for who holds them. */
  clear(): void {
    this._records = [];
    this._bytes = 0;
    this.dropped = 0;
  }

  /** Forgets what came after the book had `length` records: a snapshot goes back to there. */
  truncate(length: number): void {
    while (this._records.length > length) this._bytes -= this._records.pop()!.size;
  }

  private _room(length: number): number {
    if (this._used + length > this._chunk.length) {
      this._chunk = new Uint8Array(Math.max(chunkSize, length));
      this._view = new DataView(this._chunk.buffer);
      this._used = 0;
    }
    const start = this._used;
    this._used += length;
    return start;
  }

  /** Drops the older half, so that dropping is rare. */
  private _drop(): void {
    const half = Math.ceil(this._records.length / 2);
    for (const record of this._records.splice(0, half)) this._bytes -= record.size;
    this.dropped += half;
  }
}
