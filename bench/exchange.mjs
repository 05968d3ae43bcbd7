// The workload of all comparisons: one stream from context_create to delete, 9 request and 4 response headers.
import { readFileSync } from "node:fs";
import { defaultExchange } from "../dist/bench/index.js";
import { headers, loadPlugin } from "../dist/index.js";

export const { requestHeaders, responseHeaders } = defaultExchange;

/** A plugin and a function that makes exchanges on it. @param {string} file @param {object} [options] */
export async function harnessExchange(file, options = {}) {
  const plugin = await loadPlugin(file, { budgetMs: 0, ...options });
  const request = headers(requestHeaders, "request");
  const response = headers(responseHeaders, "response");
  const start = plugin.snapshot();
  /** @type {unknown} The last stream: a collection that finds none alive drops what V8 knows of streams, and all is compiled anew. */
  let kept;
  return {
    plugin,
    last: () => kept,
    /** Forgets what the guest has leaked: TinyGo's collector soon takes longer than anything else. */
    fresh: () => plugin.restore(start),
    /** @param {number} times */
    run(times) {
      for (let i = 0; i < times; i++) {
        const stream = (kept = plugin.openHttpStream());
        stream.requestHeaders(request, { endOfStream: true });
        stream.responseHeaders(response, { endOfStream: true });
        if (stream.client.headers?.first("x-powered-by") !== "proxy-wasm" || !stream.finished) {
          throw new Error("Measured an exchange that failed");
        }
        // a test looks at its log and forgets it; keeping millions of lines would measure the collector
        if (i % 50 === 49) forget(plugin);
      }
      forget(plugin);
    },
  };
}

/** @param {import("../dist/index.js").Plugin} plugin */
function forget(plugin) {
  plugin.clearLogs();
  plugin.vm.trace.clear();
}

/**
 * The floor: the same module and the same callbacks, every import answered by constants of equal bytes.
 * Nothing is decoded, kept or checked: no host can be faster.
 *
 * @param {string} file
 */
export async function floorExchange(file) {
  const module = await WebAssembly.compile(readFileSync(file));
  /** @type {any} */
  let exports;
  let u8 = new Uint8Array(0);
  const fresh = () => {
    if (u8.length === 0) u8 = new Uint8Array(exports.memory.buffer);
    return u8;
  };
  const pairs = encode(requestHeaders);
  /** @param {number} at @param {number} value */
  const word = (at, value) => {
    const m = fresh();
    m[at] = value;
    m[at + 1] = value >>> 8;
    m[at + 2] = value >>> 16;
    m[at + 3] = value >>> 24;
  };
  let adds = 0;
  /** @type {Record<string, Function>} */
  const env = {
    /** @param {number} _map @param {number} toPointer @param {number} toSize */
    proxy_get_header_map_pairs(_map, toPointer, toSize) {
      const at = (exports.malloc ?? exports.proxy_on_memory_allocate)(pairs.length);
      fresh().set(pairs, at);
      word(toPointer, at);
      word(toSize, pairs.length);
      return 0;
    },
    proxy_add_header_map_value() {
      adds++;
      return 0;
    },
  };
  /** @type {WebAssembly.Imports} */
  const imports = {};
  for (const { module: from, name } of WebAssembly.Module.imports(module)) {
    const answer =
      env[name] ??
      (name === "clock_time_get"
        ? clock
        : name === "fd_fdstat_get"
          ? () => 8
          : name === "fd_prestat_get"
            ? () => 8
            : () => 0);
    (imports[from] ??= {})[name] = /** @type {any} */ (answer);
  }
  /** @param {number} _id @param {bigint} _precision @param {number} at */
  function clock(_id, _precision, at) {
    new DataView(exports.memory.buffer).setBigUint64(at, 1_700_000_000_000_000_000n, true);
    return 0;
  }
  let id = 1;
  const begin = () => {
    exports = new WebAssembly.Instance(module, imports).exports;
    u8 = new Uint8Array(0);
    id = 1;
    (exports._initialize ?? exports._start ?? (() => {}))();
    exports.proxy_on_context_create(1, 0);
    exports.proxy_on_vm_start?.(1, 0);
    exports.proxy_on_configure?.(1, 0);
  };
  begin();
  return {
    fresh: begin,
    /** @param {number} times */
    run(times) {
      adds = 0;
      for (let i = 0; i < times; i++) {
        id++;
        exports.proxy_on_context_create(id, 1);
        exports.proxy_on_request_headers(id, 9, 1);
        exports.proxy_on_response_headers(id, 4, 1);
        exports.proxy_on_log(id);
        exports.proxy_on_done?.(id);
        exports.proxy_on_delete(id);
      }
      if (adds !== times) throw new Error("Measured a floor that failed");
    },
  };
}

/** Header pairs in the ABI's format. @param {readonly (readonly [string, string])[]} list */
function encode(list) {
  const words = [list.length, ...list.flatMap(([name, value]) => [name.length, value.length])];
  const text = list.map(([name, value]) => `${name}\0${value}\0`).join("");
  const bytes = Buffer.alloc(words.length * 4 + text.length);
  words.forEach((value, i) => bytes.writeUInt32LE(value, i * 4));
  bytes.write(text, words.length * 4, "latin1");
  return new Uint8Array(bytes);
}

/** The string price: one 32-byte string written into a buffer and one read out, with Node's Buffer. */
export function stringPrice() {
  const buffer = Buffer.alloc(64);
  const text = "x-request-id: 6f1c4e7a-0000-4000";
  return {
    /** @param {number} times */
    run(times) {
      let length = 0;
      for (let i = 0; i < times; i++) {
        buffer.write(text, 0, "latin1");
        length += buffer.toString("latin1", 0, 32).length;
      }
      if (length !== times * 32) throw new Error("Measured a string that was not read");
    },
  };
}
