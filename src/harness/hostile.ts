import { runInNewContext } from "node:vm";
import { setFlagsFromString } from "node:v8";
import { bytesOf } from "../abi/bytes.js";
import { nameOf, Status } from "../abi/enums.js";
import { limits } from "../abi/limits.js";
import type { Pair } from "../abi/pairs.js";
import { encodePairs } from "../abi/pairs.js";
import type { AbiVersion } from "../abi/version.js";
import { HarnessError, messageOf } from "../errors.js";
import { builtins } from "../host/builtins.js";
import { callbackDescriptors } from "../host/callbacks.js";
import { GuestTimeout } from "../host/guard.js";
import { hostcalls } from "../host/hostcalls/index.js";
import { HeaderMap } from "../proxy/header-map.js";
import { GuestAbort } from "../vm/fault.js";
import type { FunctionDescriptor } from "../vm/import-function.js";
import type { Parameter } from "../vm/parameters.js";
import { wasiFunctions } from "../wasi/index.js";
import { Errno } from "../wasi/wasi-function.js";
import type { AllocatorMode, RelayGuest, RelayOptions } from "./relay.js";
import { relay, relayedNames } from "./relay.js";
import type { StreamDriver } from "./stream-driver.js";

/*
 * Torture: a relay guest that calls the host with whatever a number generator makes up, inside every callback, and checks
 * after each call that the host kept its word: a status of the specification or a named error, in bounded time, and nothing
 * written but what the call may write.
 *
 * Calls come in episodes of `episodeRuns`; everything in an episode follows from the seed and its number, so a call is
 * replayed by running its episode up to it.
 */

export interface TortureOptions {
  /** Hostile calls to make. */
  readonly runs: number;
  readonly seed: number;
  /** Only the call of this number, with those of its episode that come before it. */
  readonly only?: number;
  /** After each episode: how many calls were made. */
  readonly onProgress?: (done: number) => void;
}

export interface TortureReport {
  /** Calls made. */
  readonly runs: number;
  readonly seconds: number;
  /** How many calls ended how: `Ok`, `errno 8`, `LIMIT_EXCEEDED`. */
  readonly outcomes: ReadonlyMap<string, number>;
  /** Calls around which all of the memory was compared. */
  readonly compared: number;
  /** The longest that a call took, in milliseconds. */
  readonly slowestMs: number;
  /** Bytes in use by the host after a collection: JS heap, and array buffers outside of it. */
  readonly memory: { readonly start: HostMemory; readonly middle: HostMemory; readonly end: HostMemory };
  readonly failure?: TortureFailure;
  /** The last call: what `only` replayed. */
  readonly last: string;
}

export interface HostMemory {
  readonly heap: number;
  readonly buffers: number;
}

export interface TortureFailure {
  /** Number of the call; give it as `only`. */
  readonly index: number;
  /** What was wrong. */
  readonly what: string;
  /** The call: `in proxy_on_log, ABI 0.2.1, allocator normal: proxy_log(2, 65535, -1)`. */
  readonly call: string;
}

/** Calls that follow from one state of the number generator. */
const episodeRuns = 2000;
/** Milliseconds that one call may take, on however busy a machine. */
const callMs = 2000;
/** Milliseconds that a whole life of a guest may take: beyond, something hangs. */
const lifeMs = 60_000;
/** Bytes by which the heap, and the buffers, may grow between the middle and the end: eight bytes a call of a million leak more. */
const growthBytes = 4 * 1024 * 1024;

/** Makes hostile calls until `runs` are made or one goes wrong. */
export async function torture(options: TortureOptions): Promise<TortureReport> {
  const { seed, only } = options;
  const first = only === undefined ? 0 : Math.floor(only / episodeRuns) * episodeRuns;
  const end = only === undefined ? options.runs : only + 1;
  const record = new Tally();
  const half = Math.ceil(end / 2 / episodeRuns) * episodeRuns;
  const began = performance.now();
  let [start, middle] = [await hostMemory(), undefined as HostMemory | undefined];
  for (let index = first; index < end && record.failure === undefined; index += episodeRuns) {
    await new Episode(seed, index, Math.min(episodeRuns, end - index), record).run();
    // what is made once, such as compiled code, is there after the first episodes
    if (index === first + 4 * episodeRuns) start = await hostMemory();
    if (index + episodeRuns === half) middle = await hostMemory();
    options.onProgress?.(index + episodeRuns - first);
  }
  const last = await hostMemory();
  middle ??= last;
  if (only === undefined && record.failure === undefined) record.failure = growth(middle, last, end);
  return {
    runs: record.runs,
    seconds: (performance.now() - began) / 1000,
    outcomes: record.outcomes(),
    compared: record.compared,
    slowestMs: record.slowestMs,
    memory: { start, middle, end: last },
    last: record.last(),
    ...(record.failure && { failure: record.failure }),
  };
}

function growth(middle: HostMemory, last: HostMemory, runs: number): TortureFailure | undefined {
  for (const kind of ["heap", "buffers"] as const) {
    const grown = last[kind] - middle[kind];
    if (grown > growthBytes) {
      const what = `the host's ${kind} grew by ${grown} bytes in the second half of ${runs} calls`;
      return { index: runs - 1, what, call: "all of them" };
    }
  }
  return undefined;
}

let collect: (() => void) | undefined;

/** What is in use after garbage collections; buffers are given back a moment after the objects that held them. */
async function hostMemory(): Promise<HostMemory> {
  if (collect === undefined) {
    setFlagsFromString("--expose-gc");
    collect = runInNewContext("gc") as () => void;
  }
  for (let i = 0; i < 3; i++) {
    collect();
    await new Promise((resolve) => setImmediate(resolve));
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return { heap: heapUsed, buffers: arrayBuffers };
}

// --------------------------------------------------------------------------------------------- numbers

/** Numbers that look random and follow from a seed: mulberry32. */
export class Dice {
  private _state: number;

  constructor(...seeds: readonly number[]) {
    this._state = 0;
    for (const seed of seeds) this._state = Math.imul((this._state ^ seed) + 0x9e3779b9, 0x85ebca6b) ^ (seed >>> 16);
  }

  /** Any 32 bits, as u32. */
  next(): number {
    this._state = (this._state + 0x6d2b79f5) | 0;
    let z = this._state;
    z = Math.imul(z ^ (z >>> 15), z | 1);
    z ^= z + Math.imul(z ^ (z >>> 7), z | 61);
    return (z ^ (z >>> 14)) >>> 0;
  }

  /** 0 up to, not including, `limit`. */
  below(limit: number): number {
    return this.next() % limit;
  }

  /** True once in so many times. */
  once(of: number): boolean {
    return this.next() % of === 0;
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.next() % choices.length]!;
  }
}

/** An address that is likely to be mishandled; `end` is where the memory ends. */
export function oddAddress(dice: Dice, end: number): number {
  const choice = dice.below(20);
  if (choice < edges.length) return edges[choice]! + (choice < fromEnd ? end : 0);
  if (choice < 16) return dice.below(end);
  return choice < 18 ? dice.next() | 0 : dice.below(32) - 16 + end;
}
/** The first ones count from the end of memory. */
const edges = [-8, -4, -2, -1, 0, 1, 4, 0, 1, 3, -1, -4, 0x7fffffff, -0x80000000];
const fromEnd = 7;

/** A size that is likely to be mishandled, for a range that begins at `address`. */
export function oddSize(dice: Dice, address: number, end: number): number {
  switch (dice.below(14)) {
    case 0:
      return 0;
    case 1:
      return 1;
    case 2: // up to the end
      return end - address;
    case 3:
      return end - address + 1;
    case 4:
      return end - address - 1;
    case 5:
      return -1;
    case 6:
      return -0x80000000;
    case 7:
      return 0x7fffffff;
    case 8: // the sum is 2^32: nothing, for those who add in 32 bits
      return -address;
    case 9:
      return 4 - address;
    case 10:
      return end;
    case 11:
      return dice.next() | 0;
    default:
      return dice.below(256);
  }
}

const odd64 = [0n, 1n, -1n, 2n, 1n << 31n, 1n << 32n, (1n << 53n) + 1n, (1n << 63n) - 1n, -(1n << 63n), -(1n << 32n)];
const odd32 = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 17, 100, 255, 256, 1000, 65535, 65536, 65537, -1, -2, -0x80000000];
const smallNumbers = 9;

// --------------------------------------------------------------------------------------------- what lies in memory

type Content = "pairs" | "path" | "name" | "key" | "text" | "vectors";
interface Piece {
  readonly address: number;
  /** Bytes; of vectors: how many. */
  readonly size: number;
}
type Pieces = Readonly<Record<Content, readonly Piece[]>>;

/** Where the prepared pieces end at the latest, and outputs go: up to half of the first page. */
const outputsAt = 20_480;
const outputsEnd = 32_768;

const goodPairs: readonly (readonly Pair[])[] = [
  [],
  [["x-a", "1"]],
  [
    [":method", "GET"],
    [":path", "/p?q#f"],
    [":authority", "a.example"],
    [":scheme", "http"],
  ],
  [
    [":status", "204"],
    ["X-Upper", "Ä\xff\0"],
    ["x-a", ""],
    ["", "no name"],
    ["x-a", "again"],
    ["host", "b"],
    ["__proto__", "p"],
    ["content-length", "-1"],
  ],
  // a call needs these
  [
    [":method", "POST"],
    [":path", "/"],
    [":authority", "web"],
  ],
  Array.from({ length: 120 }, (_, i): Pair => [`x-${i % 50}`, "v".repeat(i % 7)]),
];

/** Wrong in one way each: counts and sizes too great, a NUL that is missing, an end too soon or too late. */
function badPairs(): Uint8Array[] {
  const good = encodePairs(goodPairs[2]!);
  const changed = (at: number, value: number): Uint8Array => {
    const bytes = good.slice();
    new DataView(bytes.buffer).setUint32(at, value, true);
    return bytes;
  };
  const noNul = good.slice();
  noNul[noNul.length - 1] = 1;
  return [
    changed(0, 5),
    changed(0, 3),
    changed(0, 0xffffffff),
    changed(0, limits.pairsCount + 1),
    changed(0, 0x20000000), // times 8 it is 0 for those who count in 32 bits
    changed(4, 0xffffffff),
    changed(4, 0x80000000),
    changed(8, 0xfffffff0),
    changed(8, 0),
    noNul,
    good.subarray(0, good.length - 1),
    bytesOf("\0"),
    bytesOf("\x01"),
    bytesOf("\0\0\0"),
  ];
}

/** Keys of every object in JavaScript: a host that looks a guest's name up in one finds them. */
const inherited = ["toString", "constructor", "__proto__", "hasOwnProperty", "valueOf"];
/** Written with "/" for the NUL between segments. */
const paths = [
  "plugin_name plugin_root_id/ plugin_vm_id/x request request/ request/path request/headers request/headers/x-a",
  "request/headers/x-a/y request/size request/time response/code response/headers/server response/trailers k mine",
  "mine/deep/er response/grpc_status source/address source/port connection_id connection_id/a upstream/port metadata",
  "filter_state filter_state/wasm.k metadata/a/b xds xds/route_name / /// /request/path request.path \xff\xfe/\x80",
].flatMap((line) => line.replaceAll("/", "\0").split(" "));
paths.push("", "a\0".repeat(200), ...inherited);
for (const one of inherited) paths.push(`request\0headers\0${one}`, `filter_state\0${one}`, `mine\0${one}`);
const names =
  "x-a X-A :path :METHOD :status host content-length te set-cookie \0 \xff\xc4 grpc-status x-0 server".split(" ");
names.push("", "a b", "n".repeat(64), "n".repeat(65), "N".repeat(300), ...inherited);
const keys = "k key K \0 \xff k\0 echo number both large".split(" ");
keys.push("", "k".repeat(64), "k".repeat(65), "q".repeat(500), ...inherited);
const texts = "web echo number both large gone a.B/c 200_OK \r\n \xff\xfe".split(" ").concat("", "t".repeat(900));

/** What a memory of some size begins with. */
interface Prepared {
  readonly bytes: Uint8Array;
  readonly pieces: Pieces;
}
const prepared = new Map<number, Prepared>();

/** The pieces for a memory that ends at `end`; at least one of each content. */
function prepare(end: number): Prepared {
  const known = prepared.get(end);
  if (known !== undefined) return known;
  const bytes = new Uint8Array(outputsAt);
  let at = 8; // address 0 is no piece's
  const put = (one: Uint8Array): Piece => {
    bytes.set(one, at);
    const piece = { address: at, size: one.length };
    at += one.length + (at % 3); // odd places too
    return piece;
  };
  const strings = (all: readonly string[]): Piece[] => all.map((one) => put(bytesOf(one)));
  const pieces = {
    pairs: [...goodPairs.map(encodePairs), ...badPairs()].map(put),
    path: strings(paths),
    name: strings(names),
    key: strings(keys),
    text: strings(texts),
    vectors: vectors(end).map((list) => Object.assign(put(words(list)), { size: list.length / 2 })),
  };
  const made = { bytes: bytes.slice(0, at), pieces };
  prepared.set(end, made);
  return made;
}

/** Lists of address and size in turn, as `fd_write` takes them. */
function vectors(end: number): number[][] {
  const whole = Array.from({ length: 128 }, () => [0, end]).flat();
  return [
    [],
    [8, 20],
    [8, 20, 0, 0, 100, 1],
    [-1, 0, 8, 1],
    [end, 1],
    [end - 1, 1, end - 1, 2],
    [0, -1],
    [-1, -1],
    whole,
    [...whole.slice(0, 6), end, 1],
  ];
}

function words(values: readonly number[]): Uint8Array {
  return new Uint8Array(Int32Array.from(values).buffer);
}

// --------------------------------------------------------------------------------------------- arguments

/** Bytes that a call wrote: address and size in turn. */
type Written = number[];

/** How one parameter of a function is made up. */
type Slot =
  | { readonly kind: "range"; readonly content: Content }
  | { readonly kind: "output"; readonly width: number }
  | { readonly kind: "number"; readonly name: string; readonly names: number }
  | { readonly kind: "address" }
  | { readonly kind: "i64" };

/** A function of the host with what its parameters are, from its description. */
interface Target {
  readonly key: string;
  readonly descriptor: FunctionDescriptor;
  readonly slots: readonly Slot[];
  /** Positions of outputs, with their widths. */
  readonly outputs: readonly (readonly [position: number, width: number])[];
  /** What it gives back as a u32: a name of `known`, and where. */
  readonly learns: readonly (readonly [name: string, position: number])[];
}

const contents: Readonly<Record<string, Content>> = { pairs: "pairs", "header name": "name" };
const contentOfName: Readonly<Record<string, Content>> = { path: "path", key: "key", name: "key", vm_id: "key" };
const learned: ReadonlySet<string> = new Set(["token", "metric", "queue", "cas"]);

function target(key: string): Target {
  const name = key.slice(key.indexOf(".") + 1);
  const descriptor = (hostcalls.get(name) ?? builtins.get(name) ?? wasiFunctions.get(name)) as FunctionDescriptor;
  const slots: Slot[] = [];
  const outputs: [number, number][] = [];
  const learns: [string, number][] = [];
  let position = 0;
  for (const [param, parameter] of Object.entries(descriptor.params)) {
    for (const slot of slotsOf(param, parameter)) {
      slots.push(slot);
      if (slot.kind === "output") {
        outputs.push([position, slot.width]);
        if (learned.has(param)) learns.push([param, position]);
      }
      position += slot.kind === "range" ? 2 : 1;
    }
  }
  return { key, descriptor, slots, outputs, learns };
}

function slotsOf(name: string, { parts, wasm, decode, doc }: Parameter): Slot[] {
  if (decode === undefined) {
    return parts.map((part) => ({ kind: "output", width: /u(16|64)$/.test(part) ? (part.endsWith("4") ? 8 : 2) : 4 }));
  }
  if (parts.join() === "pointer,size") {
    return [{ kind: "range", content: contents[doc] ?? contentOfName[name] ?? "text" }];
  }
  if (parts[0] === "pointer") return [{ kind: "address" }];
  if (wasm[0] === "i64") return [{ kind: "i64" }];
  return [{ kind: "number", name, names: /^(u32|i32|bool)$/.test(doc) ? 0 : smallNumbers }];
}

const targets = new Map<string, Target>();
const versions: readonly AbiVersion[] = ["0.1.0", "0.2.0", "0.2.1"];
const targetsOf = (abi: AbiVersion): Target[] =>
  relayedNames(abi).map((key) => {
    const known = targets.get(key) ?? target(key);
    targets.set(key, known);
    return known;
  });

/** Functions that write through plain addresses: what each may write. */
const writesThrough: Readonly<Record<string, (args: readonly number[], env: Environment) => Written>> = {
  args_sizes_get: ([argc, size]) => [argc!, 4, size!, 4],
  environ_sizes_get: ([count, size]) => [count!, 4, size!, 4],
  environ_get: ([environ, buffer], env) => [environ!, 4 * env.count, buffer!, env.bytes],
  fd_fdstat_get: ([, stat]) => [stat!, 24],
  random_get: ([buffer, size]) => [buffer!, size! >>> 0],
};

interface Environment {
  readonly variables: Readonly<Record<string, string>>;
  readonly count: number;
  readonly bytes: number;
}
const environments: readonly Environment[] = [{}, { A: "1" }, { NAME: "wert ü", EMPTY: "", LONG: "x".repeat(700) }].map(
  (variables: Record<string, string>) => ({
    variables,
    count: Object.keys(variables).length,
    bytes: Object.entries(variables).reduce((sum, [k, v]) => sum + Buffer.byteLength(`${k}=${v}\0`), 0),
  }),
);

// --------------------------------------------------------------------------------------------- the record

const knownErrnos: ReadonlySet<number> = new Set(Object.values(Errno));

/** What all episodes found. */
class Tally {
  runs = 0;
  compared = 0;
  slowestMs = 0;
  failure: TortureFailure | undefined = undefined;
  last: () => string = () => "none";
  private readonly _statuses = new Uint32Array(13);
  private readonly _others = new Map<string, number>();

  /** What is wrong with an answer; undefined: nothing. */
  answered({ result }: FunctionDescriptor, answer: unknown): string | undefined {
    if (result === "none" || answer === undefined) {
      this.count("void");
      return answer === undefined ? undefined : `it answered ${String(answer)}, where it has no result`;
    }
    const number = answer as number;
    if (result === "status") {
      if (number >= 0 && number < this._statuses.length) this._statuses[number]!++;
      else return `it answered ${number}, which is no status`;
    } else if (result === "errno") {
      if (!knownErrnos.has(number)) return `it answered ${number}, which is no errno of Envoy's host`;
      this.count(errnoNames[number]!);
    } else {
      this.count("value");
    }
    return undefined;
  }

  count(what: string): void {
    this._others.set(what, (this._others.get(what) ?? 0) + 1);
  }

  outcomes(): Map<string, number> {
    const all = [...this._statuses].map((count, i): [string, number] => [nameOf(Status, i), count]);
    const seen = [...all, ...this._others].filter(([, count]) => count > 0);
    return new Map(seen.sort(([, a], [, b]) => b - a));
  }
}

const errnoNames = Array.from({ length: 77 }, (_, i) => `errno ${i}`);

// --------------------------------------------------------------------------------------------- an episode

const callbackNames = callbackDescriptors.map(({ name }) => name);
const startFunctions: readonly (readonly string[])[] = [[], [], [], ["_start"], ["_initialize", "main"]];
/** Codes that a guest can bring about by what it does, and those of a stream's driver, which is driven blindly. */
const guestCodes: ReadonlySet<string> = new Set(["LIMIT_EXCEEDED", "GUEST_TRAPPED"]);
const driverCodes: ReadonlySet<string> = new Set([
  ...guestCodes,
  "ILLEGAL_CALL",
  "VM_START_REFUSED",
  "CONFIGURE_REFUSED",
]);
const answers = [0, 0, 0, 0, 1, 1, 2, 3, 4, 5, -1, -0x80000000];

/** Calls that follow from one state of the number generator: guests, one after the other, until they are made. */
class Episode {
  private readonly _dice: Dice;
  private readonly _record: Tally;
  private readonly _abi: AbiVersion;
  private readonly _targets: readonly Target[];
  /** How many of the targets, at the front, are hostcalls. */
  private readonly _hostcalls: number;
  private _index: number;
  private _left: number;
  private _env = environments[0]!;
  private _mode: AllocatorMode = "normal";
  private _pages = 1;
  private _pieces: Pieces | undefined = undefined;
  /** Numbers that calls gave back. */
  private _known: Readonly<{ [name: string]: number[] }> = {};
  /** Where the allocator answered, while it is asked; undefined: it did more than answer. */
  private _allocated: Written | undefined = [];
  private _before = new Uint8Array(0);
  /** Of the last call. */
  private _callback = "";
  private _target: Target | undefined = undefined;
  private _args: (number | bigint)[] = [];

  constructor(seed: number, index: number, runs: number, record: Tally) {
    this._dice = new Dice(seed, index);
    this._record = record;
    this._index = index;
    this._left = runs;
    this._abi = this._dice.pick(versions);
    this._targets = targetsOf(this._abi);
    this._hostcalls = this._targets.findIndex(({ descriptor }) => descriptor.result === "errno");
    record.last = () => this._describe();
  }

  async run(): Promise<void> {
    // a life that makes no call is possible, and one more then follows
    while (this._left > 0) {
      try {
        await this._live();
      } catch (thrown) {
        if (thrown instanceof GuestTimeout) this._fail("it hangs");
        else if (!(thrown instanceof HarnessError)) this._fail(`after it: ${stackOf(thrown)}`);
        else if (!driverCodes.has(thrown.code)) this._fail(`after it: ${thrown.code}: ${thrown.message}`);
      }
    }
  }

  /** One guest from its start to its end, or until it is lost. */
  private async _live(): Promise<void> {
    const dice = this._dice;
    this._known = { token: [], metric: [], queue: [], cas: [] };
    this._env = dice.pick(environments);
    this._mode = "normal";
    this._pages = dice.once(4) ? 2 : 1;
    this._pieces = undefined;
    const guest = await relay(this._options());
    guest.during("malloc", (size) => this._askedFor(guest, size!));
    guest.callouts.refuse = (upstream) => (upstream === "gone" ? { status: Status.ParseFailure } : undefined);
    guest.vm.guard.run(() => this._drive(guest));
  }

  private _options(): RelayOptions {
    const dice = this._dice;
    return {
      abi: this._abi,
      pages: this._pages,
      maximumPages: this._pages + 3,
      start: dice.pick(startFunctions),
      budgetMs: lifeMs,
      logLevel: dice.pick(["trace", "info", "critical"]),
      seed: dice.next(),
      vmId: dice.pick(["", "vm", "k"]),
      rootId: dice.pick(["", "root"]),
      vmConfiguration: dice.pick(["", "vm configuration"]),
      configuration: dice.pick(["", "c", "configuration ".repeat(100)]),
      environment: this._env.variables,
      properties: { mine: { deep: [1, "ü", null] }, "request.protocol": "HTTP/9" },
      allowOnHeadersStopIteration: dice.once(3),
      trace: dice.once(5),
      ...(dice.once(40) && { capabilities: ["proxy_log", "fd_write", "proxy_on_request_headers"] }),
      ...(dice.once(3) && { upstreams: ["web", "echo"] }),
      foreignFunctions: {
        echo: (given) => given,
        number: (given) => given.length % 13,
        both: (given) => ({ status: Status.BadArgument, result: given }),
        large: () => new Uint8Array(70_000),
      },
      during: Object.fromEntries(
        [...callbackNames, "_start", "_initialize", "main"].map((name) => [
          name,
          (guest: RelayGuest) => this._strike(guest, name),
        ]),
      ),
    };
  }

  /** What happens to the guest, one thing after the other. */
  private _drive(guest: RelayGuest): void {
    const dice = this._dice;
    const open: StreamDriver[] = [];
    while (this._left > 0 && !guest.vm.failed) {
      this._prepare(guest);
      this._tolerate(() => this._happen(guest, open));
      if (open.length > 4) this._tolerate(() => open.shift()!.close());
    }
    for (const name of callbackNames) if (dice.once(2)) guest.answer(name, dice.pick([0, 1]));
    if (dice.once(2)) for (const stream of open) this._tolerate(() => stream.close());
    this._tolerate(() => guest.close());
    // a plugin that is not done yet may say so later
    this._tolerate(() => guest.inside(() => this._strike(guest, "after the end")));
    this._tolerate(() => guest.plugin.clock.advance(0));
  }

  private _happen(guest: RelayGuest, open: StreamDriver[]): void {
    const dice = this._dice;
    const { calls, clock, root } = guest.plugin;
    const { grpcCalls } = guest.callouts;
    switch (dice.below(12)) {
      case 0:
        return guest.inside(() => this._strike(guest, "the root"), root);
      case 1:
        return guest.inside(() => this._strike(guest, "a context"), dice.pick(guest.vm.contexts.all()));
      case 2:
        root.tickPeriodMs = 0; // or the guest's own, which may be a millisecond, ticks many times
        guest.vm.setTickPeriod(root, 10);
        return clock.advance(10);
      case 3: {
        const pending = calls.filter(({ state }) => state === "pending");
        if (pending.length === 0) return;
        const call = dice.pick(pending);
        if (dice.once(3)) return call.fail();
        if (dice.once(4)) return clock.advance(50);
        return call.respond({ body: "b".repeat(dice.below(300)), ...(dice.once(2) && { trailers: { t: "1" } }) });
      }
      case 4: {
        if (grpcCalls.length === 0) return;
        const { events } = dice.pick(grpcCalls);
        const map = new HeaderMap("response", dice.pick(goodPairs));
        const message = new Uint8Array(dice.below(100));
        return dice.pick([
          () => events.initialMetadata(map),
          () => events.message(message),
          () => events.trailingMetadata(map),
          () => events.succeed(message),
          () => events.close(dice.below(17), dice.pick(texts)),
        ])();
      }
      default:
        return this._exchange(guest, open);
    }
  }

  /** A stream, or a part of one. */
  private _exchange(guest: RelayGuest, open: StreamDriver[]): void {
    const dice = this._dice;
    const stream = guest.plugin.openHttpStream();
    open.push(stream);
    for (const name of streamCallbacks) guest.answer(name, dice.pick(answers));
    const body = (): Uint8Array => new Uint8Array(dice.pick([0, 1, 100, 5000]));
    const request = dice.pick([2, 4, 3, 5]);
    const parts = [
      () => stream.requestHeaders(goodPairs[request]!, { endOfStream: dice.once(4) }),
      () => stream.requestBody(body(), { endOfStream: dice.once(4) }),
      () => stream.requestTrailers(goodPairs[1]!),
      () => stream.responseHeaders(goodPairs[3]!, { endOfStream: dice.once(4) }),
      () => stream.responseBody(body(), { endOfStream: dice.once(4) }),
      () => stream.responseTrailers({ t: "1", "grpc-status": "x" }),
      () => stream.close(),
    ];
    for (const part of parts) {
      if (dice.once(4)) continue;
      this._tolerate(part);
      if (guest.vm.failed || (dice.once(12) && part !== parts[0])) return;
    }
  }

  /** The memory as a guest would have it, and an allocator that behaves for a while as it does. */
  private _prepare(guest: RelayGuest): void {
    const dice = this._dice;
    guest.heap = this._pages * 32_768;
    const mode = dice.below(400);
    this._mode = "normal";
    if (mode < 80) this._mode = dice.pick(["zero", "past the end", "grow", "ask"]);
    else if (mode < 82) this._mode = dice.pick(["trap", "restricted"]);
    guest.allocator = this._mode;
    if (dice.once(3)) guest.vm.memory.whole.fill(0x3f, 0, outputsEnd);
    this._write(guest);
  }

  private _write(guest: RelayGuest): void {
    const { bytes, pieces } = prepare(guest.memorySize);
    guest.vm.memory.whole.set(bytes);
    this._pieces = pieces;
  }

  /** Does what may end in an error of the harness that a guest can bring about. */
  private _tolerate(work: () => unknown): void {
    try {
      work();
    } catch (thrown) {
      if (thrown instanceof HarnessError && driverCodes.has(thrown.code)) return;
      this._fail(`after it: ${stackOf(thrown)}`);
    }
  }

  // ------------------------------------------------------------------------------------- calls

  /** Some hostile calls, inside a callback. */
  private _strike(guest: RelayGuest, callback: string): void {
    if (this._left === 0) return;
    this._callback = callback;
    const dice = this._dice;
    if (this._pieces === undefined) this._write(guest);
    for (let count = dice.below(32); count > 0 && this._left > 0; count--) {
      const first = dice.below(3) > 0 ? this._hostcalls : this._targets.length;
      const chosen = this._targets[dice.below(first)]!;
      this._makeUp(chosen, guest);
      if (dice.once(16)) this._compared(guest, chosen);
      else this._call(guest, chosen);
    }
  }

  /** Makes the call and looks at its answer. */
  private _call(guest: RelayGuest, chosen: Target): void {
    const record = this._record;
    const phase = guest.vm.phase;
    const call = guest.exports[`call_${chosen.key}`] as (...args: readonly (number | bigint)[]) => unknown;
    this._target = chosen;
    this._left--;
    this._index++;
    record.runs++;
    const before = performance.now();
    let answer: unknown;
    try {
      answer = call(...this._args);
    } catch (thrown) {
      if (thrown instanceof GuestAbort && phase !== 0) {
        record.count("restricted");
        throw thrown;
      }
      if (!(thrown instanceof HarnessError) || !guestCodes.has(thrown.code)) return this._fail(stackOf(thrown));
      record.count(thrown.code);
      if (this._dice.once(8)) throw thrown;
      return;
    }
    const took = performance.now() - before;
    if (took > record.slowestMs) record.slowestMs = took;
    if (took > callMs) return this._fail(`it took ${took.toFixed()} ms`);
    const wrong = record.answered(chosen.descriptor, answer);
    if (wrong !== undefined) return this._fail(wrong);
    if (answer === Status.Ok) this._learn(guest, chosen);
  }

  private _learn(guest: RelayGuest, { learns }: Target): void {
    for (const [name, position] of learns) {
      const address = (this._args[position] as number) >>> 0;
      const known = this._known[name]!;
      if (address + 4 <= guest.memorySize)
        known[known.length < 16 ? known.length : this._dice.below(16)] = guest.u32(address);
    }
  }

  /** As `_call`, and looks whether anything was written that the call may not write. */
  private _compared(guest: RelayGuest, chosen: Target): void {
    const memory = guest.vm.memory.whole;
    if (this._before.length !== memory.length) this._before = new Uint8Array(memory.length);
    this._before.set(memory);
    const heap = guest.heap;
    this._allocated = [];
    this._call(guest, chosen);
    if (this._allocated === undefined || this._record.failure !== undefined) return;
    this._record.compared++;
    const may = [...this._allocated, heap, guest.heap - heap];
    for (const [position, width] of chosen.outputs) may.push(this._args[position] as number, width);
    const through = writesThrough[chosen.descriptor.name];
    if (through !== undefined) may.push(...through(this._args as number[], this._env));
    const at = strayWrite(this._before, guest.vm.memory.whole, may);
    if (at !== undefined) this._fail(`it wrote at ${at}, where it may not`);
  }

  /** The allocator, while it is asked: any address; seldom it calls the host itself. 0: as it does normally. */
  private _askedFor(guest: RelayGuest, size: number): number {
    const dice = this._dice;
    if (dice.once(40)) {
      this._allocated = undefined;
      // of these the last may not be called by an allocator: it ends the guest
      const name = dice.pick(["proxy_log", "fd_write", "clock_time_get", "poll_oneoff", "proxy_get_configuration"]);
      const raw = dice.pick([0, 1, -1, guest.memorySize]);
      const call = guest.exports[`call_${name}`] ?? guest.exports["call_proxy_done"];
      (call as (...args: readonly (number | bigint)[]) => unknown)(1, name === "clock_time_get" ? 0n : raw, 8, raw);
    }
    if (dice.once(3)) return 0;
    const address = oddAddress(dice, guest.memorySize);
    this._allocated?.push(address, size);
    return address;
  }

  // ------------------------------------------------------------------------------------- arguments

  /** Makes up arguments: sound ones, one odd among sound ones, some odd ones, or all odd. */
  private _makeUp({ slots }: Target, guest: RelayGuest): void {
    const dice = this._dice;
    const end = guest.memorySize;
    const args: (number | bigint)[] = [];
    const mood = dice.below(8);
    const oddOne = mood < 3 ? dice.below(Math.max(1, slots.length)) : -1;
    for (let i = 0; i < slots.length; i++) {
      const slot = slots[i]!;
      const isOdd = i === oddOne || (mood === 3 && dice.once(3)) || mood === 4;
      switch (slot.kind) {
        case "range":
          this._makeRange(args, slot.content, isOdd, end);
          break;
        case "output":
          args.push(isOdd ? oddAddress(dice, end) : outputsAt + dice.below(outputsEnd - outputsAt - 8));
          break;
        case "address":
          args.push(this._makeAddress(isOdd, end));
          break;
        case "i64":
          args.push(dice.once(4) ? BigInt.asIntN(64, BigInt(dice.next()) << 20n) : dice.pick(odd64));
          break;
        case "number":
          args.push(this._makeNumber(slot.name, slot.names, isOdd, guest));
      }
    }
    this._args = args;
  }

  private _makeRange(args: (number | bigint)[], content: Content, isOdd: boolean, end: number): void {
    const dice = this._dice;
    if (isOdd) {
      const address = oddAddress(dice, end);
      args.push(address, oddSize(dice, address, end));
      return;
    }
    const kind = dice.once(8) ? dice.pick(allContents) : content;
    const { address, size } = dice.pick(this._pieces![kind]);
    args.push(address, kind === "vectors" ? 8 * size : size);
  }

  /** For WASI: vectors, or a place to write to. */
  private _makeAddress(isOdd: boolean, end: number): number {
    const dice = this._dice;
    if (isOdd) return oddAddress(dice, end);
    return dice.once(2) ? dice.pick(this._pieces!.vectors).address : outputsAt + dice.below(outputsEnd - outputsAt);
  }

  private _makeNumber(name: string, enumerated: number, isOdd: boolean, guest: RelayGuest): number {
    const dice = this._dice;
    if (isOdd) return dice.once(3) ? dice.next() | 0 : dice.pick(odd32);
    if (enumerated > 0) {
      const there = dice.once(2) ? available[this._callback]?.[name] : undefined;
      return there === undefined ? dice.below(enumerated) : dice.pick(there);
    }
    if (name === "context") return dice.below(guest.vm.nextContextId + 2);
    const known = this._known[name];
    if (known !== undefined && known.length > 0 && !dice.once(4)) return dice.pick(known);
    if (name === "fd") return dice.below(4);
    if (name === "size" || name === "max" || name === "count") return dice.below(dice.once(4) ? 300 : 6);
    if (name === "timeout") return dice.below(100);
    return dice.below(smallNumbers);
  }

  // ------------------------------------------------------------------------------------- what went wrong

  /** Notes what is wrong with the last call, and ends the episode. */
  private _fail(what: string): void {
    this._left = 0;
    this._record.failure ??= { index: this._index - 1, what, call: this._describe() };
  }

  private _describe(): string {
    const call = this._target === undefined ? "no call" : `${this._target.key}(${this._args.join(", ")})`;
    return `in ${this._callback}, ABI ${this._abi}, ${this._pages} pages, allocator ${this._mode}: ${call}`;
  }
}

const allContents = ["pairs", "path", "name", "key", "text", "vectors"] as const;
/** Maps and buffers that a callback can use. */
const available: Readonly<Record<string, Readonly<Record<string, readonly number[]>>>> = {
  proxy_on_request_headers: { map: [0] },
  proxy_on_request_body: { buffer: [0] },
  proxy_on_request_trailers: { map: [1] },
  proxy_on_response_headers: { map: [2] },
  proxy_on_response_body: { buffer: [1] },
  proxy_on_response_trailers: { map: [3] },
  proxy_on_http_call_response: { map: [6, 7], buffer: [4] },
  proxy_on_grpc_receive_initial_metadata: { map: [4] },
  proxy_on_grpc_receive: { buffer: [5] },
  proxy_on_grpc_receive_trailing_metadata: { map: [5] },
};
const streamCallbacks = callbackNames.filter((name) => /^proxy_on_re(quest|sponse)_|_done$/.test(name));

function stackOf(thrown: unknown): string {
  return thrown instanceof Error ? (thrown.stack ?? messageOf(thrown)) : String(thrown);
}

/** The first byte that differs outside of what may be written: pairs of address and size. */
function strayWrite(before: Uint8Array, after: Uint8Array, may: Written): number | undefined {
  const ranges: [from: number, to: number][] = [];
  for (let i = 0; i < may.length; i += 2) {
    const from = may[i]! >>> 0;
    if (may[i + 1]! > 0) ranges.push([from, from + may[i + 1]!]);
  }
  ranges.sort(([a], [b]) => a - b);
  ranges.push([before.length, before.length]);
  let at = 0;
  for (const [from, to] of ranges) {
    const end = Math.min(from, before.length);
    if (end > at && Buffer.compare(before.subarray(at, end), after.subarray(at, end)) !== 0) {
      while (before[at] === after[at]) at++;
      return at;
    }
    at = Math.max(at, Math.min(to, before.length));
  }
  return undefined;
}
