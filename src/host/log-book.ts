import { textOf } from "../abi/bytes.js";
import type { LogLevel, LogLevelName } from "../abi/enums.js";
import { logLevelNames } from "../abi/enums.js";
import { limits } from "../abi/limits.js";
import type { GuestMemory } from "../vm/memory.js";

/** Where a line came from: `proxy_log`, a WASI write, or the host itself (traps, refused calls). */
export type LogSource = "guest" | "stdout" | "stderr" | "host";

const chunkSize = 64 * 1024;

/** One line of the log. Its text is decoded when somebody looks: most lines are never looked at. */
export class LogRecord {
  level: LogLevel = 2;
  source: LogSource = "guest";
  /** Context that logged; 0 is the VM itself. */
  contextId = 0;
  /** What Envoy puts between `wasm log` and the colon: ` name root_id vm_id`, without the empty ones. */
  prefix = "";
  readonly #chunk: Uint8Array;
  readonly #start: number;
  readonly #length: number;

  constructor(chunk: Uint8Array, start: number, length: number) {
    this.#chunk = chunk;
    this.#start = start;
    this.#length = length;
  }

  /** The bytes that were logged. */
  get bytes(): Uint8Array {
    return this.#chunk.subarray(this.#start, this.#start + this.#length);
  }

  /** The message as text, UTF-8 with broken sequences shown as U+FFFD. */
  get message(): string {
    return textOf(this.bytes);
  }

  get levelName(): LogLevelName {
    return logLevelNames[this.level];
  }

  get size(): number {
    return this.#length;
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
  #records: LogRecord[] = [];
  #chunk = new Uint8Array(chunkSize);
  #used = 0;
  #bytes = 0;
  /** Records dropped because of `limits.logRecords` or `limits.logBytes`. */
  dropped = 0;
  /** Called with each record as it is written. */
  onRecord: ((record: LogRecord) => void) | undefined;

  get records(): readonly LogRecord[] {
    return this.#records;
  }

  get length(): number {
    return this.#records.length;
  }

  /** A record whose text is copied from a guest; it is not in the book until `write`. */
  fromGuest(memory: GuestMemory, address: number, size: number): LogRecord {
    const length = size >>> 0;
    memory.check(address, length);
    const start = this.#room(length);
    memory.copyInto(address, length, this.#chunk, start);
    return new LogRecord(this.#chunk, start, length);
  }

  fromBytes(bytes: Uint8Array): LogRecord {
    return new LogRecord(bytes, 0, bytes.length);
  }

  write(record: LogRecord): void {
    this.#records.push(record);
    this.#bytes += record.size;
    if (this.#records.length > limits.logRecords || this.#bytes > limits.logBytes) this.#drop();
    this.onRecord?.(record);
  }

  /** Forgets all records; their texts stay readable for who holds them. */
  clear(): void {
    this.#records = [];
    this.#bytes = 0;
    this.dropped = 0;
  }

  /** Forgets what came after the book had `length` records: a snapshot goes back to there. */
  truncate(length: number): void {
    while (this.#records.length > length) this.#bytes -= this.#records.pop()!.size;
  }

  #room(length: number): number {
    if (this.#used + length > this.#chunk.length) {
      this.#chunk = new Uint8Array(Math.max(chunkSize, length));
      this.#used = 0;
    }
    const start = this.#used;
    this.#used += length;
    return start;
  }

  /** Drops the older half, so that dropping is rare. */
  #drop(): void {
    const half = Math.ceil(this.#records.length / 2);
    for (const record of this.#records.splice(0, half)) this.#bytes -= record.size;
    this.dropped += half;
  }
}
